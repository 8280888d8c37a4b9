#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <system_error>

namespace percore::test {

struct Pipe {
  Pipe() { REQUIRE(pipe(ends.data()) == 0); }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  std::array<int, 2> ends;
};

/// Whether an operation failed for what passes by itself.
inline bool try_again(const std::error_code& error) {
  return error == std::errc::interrupted || error == std::errc::resource_unavailable_try_again;
}

}  // namespace percore::test
