// A mistake that ends the program ends a child, so that this one can tell of it.
#include "child.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace lesson {
namespace {

std::string read_to_the_end(int descriptor) {
  std::string text;
  char bytes[512];
  for (;;) {
    const ssize_t got = read(descriptor, bytes, sizeof bytes);
    if (got <= 0) return text;
    text.append(bytes, static_cast<std::size_t>(got));
  }
}

}  // namespace

std::string last_words(void (*work)()) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe could be made";
  std::fflush(nullptr);  // the child must not print what is buffered here
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    work();
    std::fflush(nullptr);
    _exit(0);
  }
  close(ends[1]);
  std::string words = read_to_the_end(ends[0]);
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  while (words.ends_with('\n')) words.pop_back();
  return words;
}

}  // namespace lesson
