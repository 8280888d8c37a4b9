#include <percore/cpu_set.hpp>

// A set of CPUs, in the kernel's list format. Three steps: "set" keeps numbers, "print" writes them
// as the kernel does, "parse" reads what the kernel, or somebody who is tired, has written.

namespace percore {

// ------------------------------------------------------------------ Step "set"

void CpuSet::add(unsigned cpu) noexcept {
  // TODO set: PERCORE_ASSERT(cpu < cpus_max, "a sentence for the caller"), then keep it.
  static_cast<void>(cpu);
}

void CpuSet::remove(unsigned cpu) noexcept {
  // TODO set: the same the other way. A number that is not in the set is no mistake.
  static_cast<void>(cpu);
}

bool CpuSet::contains(unsigned cpu) const noexcept {
  // TODO set: false for every number from cpus_max on.
  static_cast<void>(cpu);
  return false;
}

std::size_t CpuSet::count() const noexcept {
  // TODO set
  return 0;
}

bool CpuSet::empty() const noexcept {
  // TODO set
  return true;
}

unsigned CpuSet::next(unsigned cpu) const noexcept {
  // TODO set: the lowest member that is not below `cpu`, which may be any number; cpus_max when
  // there is none.
  static_cast<void>(cpu);
  return cpus_max;
}

CpuSet CpuSet::operator&(const CpuSet& other) const noexcept {
  // TODO set: what is in both.
  static_cast<void>(other);
  return {};
}

CpuSet CpuSet::operator|(const CpuSet& other) const noexcept {
  // TODO set: what is in either.
  static_cast<void>(other);
  return {};
}

// ---------------------------------------------------------------- Step "print"

std::string CpuSet::to_list() const {
  // TODO print (P1): ascending, neighbours joined: "0-3,8,10-11". Two neighbours are a range too,
  // and the empty set is "".
  return "?";
}

// ---------------------------------------------------------------- Step "parse"

std::expected<CpuSet, CpuListError> CpuSet::parse(std::string_view list) {
  // TODO parse (P2, P3). The grammar, with blanks, tabs and newlines allowed around the whole:
  //
  //   list  = nothing | range *( "," range )
  //   range = number | number "-" number        the second one is not the lower
  //   number = digits, below cpus_max
  //
  // A mistake is told with the place of the offending character in `list`, from 0: of the first
  // digit where a number is too high, of the range's first digit where it runs backwards, of the
  // character that should not stand there, of the end where something is missing.
  static_cast<void>(list);
  return std::unexpected(CpuListError{0, "not written yet"});
}

}  // namespace percore
