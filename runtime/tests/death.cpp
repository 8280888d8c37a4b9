#include "death.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace percore::test {

namespace {
constexpr unsigned seconds_max = 60;
}

Death death_of(void (*code)()) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(pipe_ends[1], STDERR_FILENO);
    close(pipe_ends[0]);
    std::signal(SIGABRT,
                SIG_DFL);  // doctest's own handler would report the child's end as the test's
    alarm(seconds_max);    // one that waits for ever has not died
    code();
    _exit(0);
  }
  close(pipe_ends[1]);
  Death death;
  char piece[512];
  for (ssize_t size = 0; (size = read(pipe_ends[0], piece, sizeof piece)) > 0;) {
    death.words.append(piece, static_cast<std::size_t>(size));
  }
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  death.aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  return death;
}

}  // namespace percore::test
