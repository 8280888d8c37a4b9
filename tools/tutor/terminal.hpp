#pragma once

#include <string>
#include <string_view>

namespace percore::tutor {

enum class Colour { plain, bold, dim, red, green, yellow, blue, cyan };

/// Whether standard output takes colours: a terminal, TERM not dumb, NO_COLOR unset or empty.
bool colours_wanted();

/// `text` in the colour, or as it is where colours are not wanted.
std::string in_colour(Colour colour, std::string_view text);

/// Columns of the terminal; 80 when it is none.
unsigned terminal_columns();

/// Its rows; 24 when it is none, or does not say.
unsigned terminal_rows();

/// Breaks text at spaces so that no line is longer than `columns`; every line after the first
/// begins with `indent`.
/// `begin`: the column where the first line starts.
std::string wrapped(std::string_view text, unsigned columns, std::string_view indent = "",
                    std::size_t begin = 0);

/// "[######------]  12/40"
std::string progress_bar(unsigned done, unsigned all, unsigned columns);

/// What is under way, on standard error, in place of the note before; an empty one clears it. On a
/// terminal only: a file or a pipe gets no notes. Returns the one before.
std::string passing_note(std::string_view words);

/// What is written over is gone when the verdict comes, and when there is none.
struct PassingNote {
  PassingNote() = default;
  PassingNote(const PassingNote&) = delete;
  PassingNote& operator=(const PassingNote&) = delete;
  ~PassingNote() { passing_note(""); }
};

/// Keys without Enter and without echo, while it lives. Whatever ends the tutor puts the terminal
/// back: the destructor, and, for signals that end it at once, the handler. Only one at a time.
class RawTerminal {
 public:
  RawTerminal();
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  /// Gives the terminal back for as long as a child program uses it.
  void pause() noexcept;
  void resume() noexcept;
};

/// Makes SIGINT, SIGTERM and SIGHUP set a flag and interrupt waits. Call once, in main.
void catch_interrupts();

/// Throws Interrupted when such a signal came.
void throw_if_interrupted();

/// The descriptor that becomes readable when such a signal comes: for poll.
int interrupt_descriptor() noexcept;

}  // namespace percore::tutor
