#pragma once

/// What a check can be made to meet beside its seed's own faults, by option: a teacher's cases. The
/// names are those of sim::Options and sim::Fault.

#include <array>
#include <string_view>

namespace percore::check {

/// --option NAME=NUMBER. Percentages, and bounds on the rings.
inline constexpr std::array OVERRIDES = {
    std::string_view("inline_percent"),
    std::string_view("delay_nanoseconds_max"),
    std::string_view("short_results_percent"),
    std::string_view("again_results_percent"),
    std::string_view("interrupted_results_percent"),
    std::string_view("interrupted_waits_percent"),
    std::string_view("refused_enters_percent"),
    std::string_view("short_submits_percent"),
    std::string_view("sq_entries_max"),
    std::string_view("cq_entries_max"),
    std::string_view("busy_on_overflow"),
};

/// --fault NAME=NUMBER,NAME=NUMBER...: which enter or operation, and what becomes of it.
inline constexpr std::array FAULT_FIELDS = {
    std::string_view("enter"),     std::string_view("operation"),
    std::string_view("result"),    std::string_view("entries_max"),
    std::string_view("bytes_max"), std::string_view("delay_nanoseconds"),
};

}  // namespace percore::check
