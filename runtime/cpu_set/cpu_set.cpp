#include <percore/cpu_set.hpp>

#include <bit>
#include <charconv>

namespace percore {
namespace {

// Walks through a list, and knows where it is.
class ListReader {
 public:
  explicit ListReader(std::string_view list) : list_(list) {
    constexpr std::string_view blanks = " \t\n";
    const std::size_t first = list.find_first_not_of(blanks);
    at_ = first == list.npos ? list.size() : first;
    end_ = first == list.npos ? list.size() : list.find_last_not_of(blanks) + 1;
  }

  bool at_end() const { return at_ == end_; }
  std::size_t position() const { return at_; }

  bool take(char wanted) {
    if (at_end() || list_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  std::expected<unsigned, CpuListError> number() {
    unsigned value = 0;
    const auto [stop, error] = std::from_chars(list_.data() + at_, list_.data() + end_, value);
    if (error == std::errc::invalid_argument)
      return std::unexpected(CpuListError{at_, "a CPU number is missing " + here()});
    if (error != std::errc{} || value >= cpus_max) {
      return std::unexpected(CpuListError{
          at_, "a CPU number is too high: they end at " + std::to_string(cpus_max - 1)});
    }
    at_ = static_cast<std::size_t>(stop - list_.data());
    return value;
  }

  std::string here() const {
    return at_end() ? std::string("at the end") : std::string("before '") + list_[at_] + "'";
  }

 private:
  std::string_view list_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
};

}  // namespace

std::expected<CpuSet, CpuListError> CpuSet::parse(std::string_view list) {
  CpuSet set;
  ListReader reader(list);
  if (reader.at_end()) return set;
  do {
    const std::size_t begin = reader.position();
    const auto first = reader.number();
    if (!first) return std::unexpected(first.error());
    auto last = first;
    if (reader.take('-')) last = reader.number();
    if (!last) return std::unexpected(last.error());
    if (*last < *first) {
      return std::unexpected(CpuListError{begin,
                                          "a range runs backwards: write the lower CPU "
                                          "number first"});
    }
    for (unsigned cpu = *first; cpu <= *last; ++cpu) set.add(cpu);
  } while (reader.take(','));
  if (reader.at_end()) return set;
  return std::unexpected(
      CpuListError{reader.position(), "'-', ',' or the end is expected " + reader.here()});
}

std::string CpuSet::to_list() const {
  std::string list;
  for (unsigned first = next(0); first != cpus_max;) {
    unsigned last = first;
    while (contains(last + 1)) ++last;
    if (!list.empty()) list += ',';
    list += std::to_string(first);
    if (last != first) list += '-' + std::to_string(last);
    first = next(last + 1);
  }
  return list;
}

std::size_t CpuSet::count() const noexcept {
  std::size_t bits = 0;
  for (const std::uint64_t word : words_) bits += static_cast<std::size_t>(std::popcount(word));
  return bits;
}

unsigned CpuSet::next(unsigned cpu) const noexcept {
  for (; cpu < cpus_max; cpu = (cpu / 64 + 1) * 64) {
    const std::uint64_t word = words_[cpu / 64] >> (cpu % 64);
    if (word != 0) return cpu + static_cast<unsigned>(std::countr_zero(word));
  }
  return cpus_max;
}

CpuSet CpuSet::operator&(const CpuSet& other) const noexcept {
  CpuSet both;
  for (std::size_t i = 0; i < words_.size(); ++i) both.words_[i] = words_[i] & other.words_[i];
  return both;
}

CpuSet CpuSet::operator|(const CpuSet& other) const noexcept {
  CpuSet either;
  for (std::size_t i = 0; i < words_.size(); ++i) either.words_[i] = words_[i] | other.words_[i];
  return either;
}

}  // namespace percore
