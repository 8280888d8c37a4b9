#include "amount.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace percore::tutor {

namespace {

std::string counted(std::uint64_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string ordinal(std::uint64_t number) {
  const std::uint64_t ten = number % 100;
  const char* end = "th";
  if (ten < 11 || ten > 13) {
    if (number % 10 == 1) end = "st";
    if (number % 10 == 2) end = "nd";
    if (number % 10 == 3) end = "rd";
  }
  return fmt::format("{}{}", number, end);
}

std::string fault_words(const sim::FaultEntry& fault) {
  const char* const name = fault.result < 0 ? strerrorname_np(-fault.result) : nullptr;
  const std::string what = name != nullptr ? name : fmt::format("error {}", -fault.result);
  const std::string enter = fmt::format("the {} enter", ordinal(fault.enter));
  if (fault.operation == 0) {
    if (fault.result < 0) return fmt::format("{} at {}", what, enter);
    if (fault.result == 0) return fmt::format("at {}", enter);
    return fmt::format("{} takes only {}", enter,
                       fault.result == 1 ? "1 entry" : fmt::format("{} entries", fault.result));
  }
  if (fault.result < 0) return fmt::format("{} for operation {}", what, fault.operation);
  if (fault.result == 0) return fmt::format("for operation {}", fault.operation);
  return fmt::format("operation {} moves only {}", fault.operation,
                     counted(static_cast<std::uint64_t>(fault.result), "byte"));
}

}  // namespace

std::string amount(const sim::Ledger& ledger) {
  if (ledger.submitted == 0 && ledger.faults == 0 && ledger.switches == 0) return "";
  const bool switched = ledger.switches != 0;
  std::string out = counted(ledger.submitted, "operation") + (switched ? ", " : " and ");
  out += ledger.faults == 0 ? "no fault" : counted(ledger.faults, "fault");
  constexpr std::uint64_t told_max = 4;
  const std::uint64_t told = std::min(ledger.faults, told_max);
  for (std::uint64_t i = 0; i < told; ++i)
    out += (i == 0 ? " (" : ", ") + fault_words(ledger.fault[i]);
  if (told != 0) out += ledger.faults > told ? ", ...)" : ")";
  if (switched)
    out += fmt::format(" and {} switch{} of threads", ledger.switches,
                       ledger.switches == 1 ? "" : "es");
  return out;
}

}  // namespace percore::tutor
