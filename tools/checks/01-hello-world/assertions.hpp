#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

// A programmer's mistake must end the program, with a sentence. A check cannot die to see that, and
// may not
// fork: it catches the abort and jumps back. What the mistake left behind is not used any more.
namespace checks {

inline sigjmp_buf back_from_abort;
inline void jump_back(int) {
  siglongjmp(back_from_abort, 1);
}

/// What `mistake` says on standard error before it ends the program, or nothing if it does not end
/// it.
template <typename Mistake>
std::optional<std::string> last_words(Mistake&& mistake) {
  std::fflush(stderr);
  const int shown = dup(STDERR_FILENO);
  const int heard = memfd_create("last words", MFD_CLOEXEC);
  dup2(heard, STDERR_FILENO);
  struct sigaction catching{};
  struct sigaction before{};
  catching.sa_handler = jump_back;
  sigaction(SIGABRT, &catching, &before);
  volatile bool ended = true;
  if (sigsetjmp(back_from_abort, 1) == 0) {
    mistake();
    ended = false;
  }
  sigaction(SIGABRT, &before, nullptr);
  std::fflush(stderr);
  dup2(shown, STDERR_FILENO);
  close(shown);
  std::string words(4096, '\0');
  const ssize_t size = pread(heard, words.data(), words.size(), 0);
  words.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  close(heard);
  while (!words.empty() && words.back() == '\n') words.pop_back();
  if (!ended) return std::nullopt;
  return words;
}

template <typename Mistake>
bool ends_the_program(Mistake&& mistake) {
  return last_words(mistake).has_value();
}

}  // namespace checks
