#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <cstdio>

// A programmer's mistake must end the program, with a sentence. A check cannot die to see that, and may not
// fork: it catches the abort and jumps back. What the mistake left behind is not used any more.
namespace checks {

inline sigjmp_buf back_from_abort;
inline void jump_back(int) { siglongjmp(back_from_abort, 1); }

/// Whether `mistake` ends the program. Its last words are not shown.
template <typename Mistake>
bool ends_the_program(Mistake&& mistake) {
  std::fflush(stderr);
  const int shown = dup(STDERR_FILENO);
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(nowhere, STDERR_FILENO);
  struct sigaction catching {};
  struct sigaction before {};
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
  close(nowhere);
  close(shown);
  return ended;
}

}  // namespace checks
