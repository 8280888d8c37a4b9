#pragma once

#include "files.hpp"

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace percore::tutor {

/// A place in the learner's code.
struct SourcePlace {
  std::string file;  ///< as the learner would type it
  unsigned line = 0;
  std::string function;
};

/// The innermost of the return addresses that lies in a file under `sources`; nothing when none
/// does. `program` is not position-independent, so the addresses are those of its file.
std::optional<SourcePlace> place_in(const fs::path& program,
                                    std::span<const std::uint64_t> addresses,
                                    const fs::path& sources, const fs::path& root);

/// Whether two program files have the same code at the same addresses: then what `place_in()` says
/// of the one holds for the other. False where one cannot be read.
bool have_the_same_code(const fs::path& one, const fs::path& other);

/// The function and place of each of a program file's addresses, in their order; line 0 where it is
/// not known. `file` is absolute.
std::vector<SourcePlace> places_of(const fs::path& program,
                                   std::span<const std::uint64_t> addresses);

/// The first of these programs that is installed, or empty.
std::string installed(std::initializer_list<const char*> names);

/// The addresses that a sanitizer's report names ("#1 0x401234 in f (/path/program+0x1234)"),
/// innermost first.
std::vector<std::uint64_t> sanitizer_addresses(const std::string& output);

}  // namespace percore::tutor
