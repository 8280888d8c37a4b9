// soak_programs WHAT FROM SEEDS: runs random programs of one kind over a range of seeds, as
// tools/soak asks it to. Ends with one line of counts. A seed that fails ends the process, after
// its words, with `soak: WHAT SEED`.
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <percore/sim.hpp>

#include "random/program.hpp"

namespace {

using percore::test::RandomProgram;

constexpr int cpu_seconds_max = 30;  // of one seed; the slowest takes some milliseconds

char last_words[96];

// Only what a signal handler may call.
void say_the_seed(int signal) {
  const char* const why = signal == SIGVTALRM ? "soak: a program does not come to an end\n" : "";
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, why, std::strlen(why));
  written = write(STDERR_FILENO, last_words, std::strlen(last_words));
  std::signal(signal, SIG_DFL);
  raise(signal);
}

void watch(const RandomProgram& program, std::uint64_t seed) {
  std::snprintf(last_words, sizeof last_words, "\nsoak: %s %llu\n", program.name,
                static_cast<unsigned long long>(seed));
  const itimerval limit{.it_interval = {}, .it_value = {.tv_sec = cpu_seconds_max, .tv_usec = 0}};
  setitimer(ITIMER_VIRTUAL, &limit, nullptr);
}

int soak(const RandomProgram& program, std::uint64_t from, std::uint64_t seeds) {
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGVTALRM})
    std::signal(signal, say_the_seed);
  unsigned long long operations = 0, faults = 0, enters = 0;
  for (std::uint64_t seed = from; seed != from + seeds; ++seed) {
    watch(program, seed);
    percore::test::run_random_program(program, seed);
    const percore::sim::Counts counts = percore::sim::counts();
    operations += counts.submitted;
    faults += counts.faults;
    enters += counts.enters;
  }
  std::printf("operations %llu faults %llu enters %llu\n", operations, faults, enters);
  return 0;
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count == 4) {
    for (const RandomProgram& program : percore::test::random_programs) {
      if (std::strcmp(program.name, arguments[1]) != 0) continue;
      return soak(program, std::strtoull(arguments[2], nullptr, 10),
                  std::strtoull(arguments[3], nullptr, 10));
    }
  }
  std::fprintf(stderr, "usage: soak_programs WHAT FROM SEEDS, where WHAT is one of:");
  for (const RandomProgram& program : percore::test::random_programs)
    std::fprintf(stderr, " %s", program.name);
  std::fprintf(stderr, "\n");
  return 2;
}
