#pragma once

#include <percore/check.hpp>
#include <string_view>

/// Before a file of checks of which one alone is asked for, PERCORE_ONLY_CHECK: the others stay in
/// the list, which the tutor holds to the file, and their bodies are not compiled to code, nor what
/// only these use. They have internal linkage, so it is enough that nothing names them.
#define PERCORE_TEXT_OF(word) #word
#define PERCORE_TEXT(word) PERCORE_TEXT_OF(word)

namespace percore::check {

consteval bool is_asked_for(std::string_view name) {
  return name == PERCORE_TEXT(PERCORE_ONLY_CHECK);
}

template <bool asked_for, typename Body>
constexpr void (*body_if(Body body))(Run&) {
  if constexpr (asked_for)
    return body();
  else
    return nullptr;
}

}  // namespace percore::check

#undef PERCORE_BODY
#define PERCORE_BODY(name) \
  percore::check::body_if<percore::check::is_asked_for(#name)>([] { return &percore_check_##name; })
