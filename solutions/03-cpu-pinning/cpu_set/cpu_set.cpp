#include <percore/cpu_set.hpp>

namespace percore {

void CpuSet::add(unsigned cpu) noexcept {
  PERCORE_ASSERT(cpu < cpus_max, "a CPU number is too high: Linux has at most 8192");
  members_.set(cpu);
}

void CpuSet::remove(unsigned cpu) noexcept {
  PERCORE_ASSERT(cpu < cpus_max, "a CPU number is too high: Linux has at most 8192");
  members_.reset(cpu);
}

bool CpuSet::contains(unsigned cpu) const noexcept {
  return cpu < cpus_max && members_[cpu];
}

std::size_t CpuSet::count() const noexcept {
  return members_.count();
}

bool CpuSet::empty() const noexcept {
  return members_.none();
}

unsigned CpuSet::next(unsigned cpu) const noexcept {
  while (cpu < cpus_max && !members_[cpu]) ++cpu;
  return cpu < cpus_max ? cpu : cpus_max;
}

CpuSet CpuSet::operator&(const CpuSet& other) const noexcept {
  CpuSet both = *this;
  both.members_ &= other.members_;
  return both;
}

CpuSet CpuSet::operator|(const CpuSet& other) const noexcept {
  CpuSet either = *this;
  either.members_ |= other.members_;
  return either;
}

std::string CpuSet::to_list() const {
  std::string list;
  unsigned first = next(0);
  while (first != cpus_max) {
    unsigned last = first;
    while (contains(last + 1)) ++last;
    if (!list.empty()) list += ',';
    list += std::to_string(first);
    if (last != first) list += '-' + std::to_string(last);
    first = next(last + 1);
  }
  return list;
}

namespace {

bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}

bool is_blank(char letter) {
  return letter == ' ' || letter == '\t' || letter == '\n';
}

// Reads a number from `at` on, which moves behind it.
std::expected<unsigned, CpuListError> number(std::string_view list, std::size_t& at) {
  if (at == list.size() || !is_digit(list[at]))
    return std::unexpected(CpuListError{at, "a CPU number is expected here, such as 0 or 17"});
  const std::size_t begin = at;
  unsigned value = 0;
  for (; at < list.size() && is_digit(list[at]); ++at) {
    value = value * 10 + static_cast<unsigned>(list[at] - '0');
    if (value >= cpus_max)
      return std::unexpected(CpuListError{begin, "this CPU number is too high: 8191 is the last"});
  }
  return value;
}

}  // namespace

std::expected<CpuSet, CpuListError> CpuSet::parse(std::string_view list) {
  std::size_t at = 0;
  while (at < list.size() && is_blank(list[at])) ++at;
  while (list.size() > at && is_blank(list.back())) list.remove_suffix(1);
  CpuSet set;
  if (at == list.size()) return set;
  for (;;) {
    const std::size_t begin = at;
    const auto first = number(list, at);
    if (!first) return std::unexpected(first.error());
    unsigned last = *first;
    if (at < list.size() && list[at] == '-') {
      ++at;
      const auto end = number(list, at);
      if (!end) return std::unexpected(end.error());
      last = *end;
    }
    if (last < *first)
      return std::unexpected(CpuListError{begin, "this range runs backwards: write 1-3, not 3-1"});
    for (unsigned cpu = *first; cpu <= last; ++cpu) set.add(cpu);
    if (at == list.size()) return set;
    if (list[at] != ',')
      return std::unexpected(CpuListError{at, "a comma, a '-' or the end is expected here"});
    ++at;
  }
}

}  // namespace percore
