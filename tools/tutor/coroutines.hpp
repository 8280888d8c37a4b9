#pragma once

#include "files.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace percore::tutor {

/// What is known of one coroutine function of a program.
struct Coroutine {
  std::string name;  ///< "leaf(int)"
  std::string file;  ///< as the learner would type it; empty: not known
  unsigned line = 0;
  std::vector<unsigned> awaits;  ///< the lines of its co_awaits, in order
  std::size_t index_offset = 0;  ///< where a frame keeps its suspend index; 0: not known
  std::size_t index_bytes = 1;
  unsigned index_step = 1;  ///< from one suspend point to the next
};

/// The coroutines of a program, by the addresses that their frames begin with. Read from its symbol
/// table (nm), its debug information (readelf, and a symbolizer) and the source: no debugger, no
/// running program is needed.
class Coroutines {
 public:
  /// loaded_at   where the program's first byte lay when it ran.
  Coroutines(const fs::path& program, const fs::path& root, std::uint64_t loaded_at);

  /// The coroutine that such a frame is of, or null when it is none. Its first word is null when it
  /// has finished: the second one, the address of its destroy function, names it still.
  [[nodiscard]] const Coroutine* of_frame(const std::vector<std::uint64_t>& words) const;

  /// The coroutine whose resume function holds this address, or null.
  [[nodiscard]] const Coroutine* running_at(std::uint64_t address) const;

  /// Where the frame is suspended: a line, 0 when it has not begun or the line is not known.
  [[nodiscard]] static unsigned line_of(const Coroutine& coroutine,
                                        const std::vector<std::uint64_t>& words);
  /// Its suspend index counted from 0, which is the initial one; -1 when not known.
  [[nodiscard]] static int suspend_point(const Coroutine& coroutine,
                                         const std::vector<std::uint64_t>& words);

 private:
  struct Function {
    std::size_t coroutine;
    std::uint64_t end;
    bool resumes;
  };
  std::vector<Coroutine> coroutines_;
  std::map<std::uint64_t, Function> functions_;  // by address as loaded
};

/// The lines of the co_awaits and co_yields in the body that begins at or behind `line` of `text`,
/// in order. Comments and literals are passed over.
std::vector<unsigned> await_lines(std::string_view text, unsigned line);

}  // namespace percore::tutor
