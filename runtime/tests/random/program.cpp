#include "program.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <percore/sim.hpp>

namespace percore::test {

namespace {

struct Running {
  const char* program = "none";
  std::uint64_t seed = 0;
};
Running running;

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* const folder = opendir("/proc/self/fd");
  expect(folder != nullptr, "/proc/self/fd cannot be read");
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

// A quarter of the seeds have a kernel on its best day: what breaks there needs no fault.
sim::Options kernel_of(std::uint64_t seed) {
  sim::Options options = seed % 4 == 0 ? sim::gentle(seed) : sim::rough(seed);
  options.preempt_at_locks = seed % 3 == 0;
  return options;
}

}  // namespace

void broken(std::string_view sentence) {
  std::fprintf(stderr, "random program %s, seed %llu: %.*s\n%s", running.program,
               static_cast<unsigned long long>(running.seed), static_cast<int>(sentence.size()),
               sentence.data(), sim::history(0, 60).c_str());
  std::abort();
}

void run_random_program(const RandomProgram& program, std::uint64_t seed) {
  running = {.program = program.name, .seed = seed};
  const std::size_t open_before = open_descriptors();
  const std::int64_t tokens_before = Token::alive;
  sim::set_violation_handler(
      [](const sim::Violation& violation, void*) { broken(violation.sentence); });
  sim::begin(kernel_of(seed));
  program.run(seed);
  expect(sim::counts().in_flight == 0, "operations are in flight after the program has ended");
  expect(sim::end(), "an oracle of the simulated ring found a rule broken");
  const sim::Counts counts = sim::counts();
  expect(counts.completions == counts.harvested, "a completion was never collected");
  expect(Token::alive == tokens_before, "a coroutine frame, or what it holds, was never freed");
  expect(open_descriptors() == open_before, "descriptors are open that were not before the run");
}

std::byte byte_at(std::uint64_t name, std::uint64_t place) noexcept {
  const std::uint64_t mixed = (name * 0x9E3779B97F4A7C15u + place) * 0xBF58476D1CE4E5B9u;
  return static_cast<std::byte>(mixed >> 56);
}

void fill(std::span<std::byte> bytes, std::uint64_t name, std::uint64_t place) noexcept {
  for (std::byte& byte : bytes) byte = byte_at(name, place++);
}

bool holds(std::span<const std::byte> bytes, std::uint64_t name, std::uint64_t place) noexcept {
  for (const std::byte byte : bytes) {
    if (byte != byte_at(name, place++)) return false;
  }
  return true;
}

MemoryFile::MemoryFile() : fd_(memfd_create("percore-random", MFD_CLOEXEC)) {
  expect(fd_ >= 0, "memfd_create gave no file");
}
MemoryFile::~MemoryFile() {
  close(fd_);
}

SmallPipe::SmallPipe() {
  int ends[2];
  expect(pipe2(ends, O_CLOEXEC) == 0, "pipe2 gave no pipe");
  reading_ = ends[0];
  writing_ = ends[1];
  fcntl(writing_, F_SETPIPE_SZ, 4096);
}
SmallPipe::~SmallPipe() {
  close(reading_);
  close_writing();
}
void SmallPipe::close_writing() {
  if (writing_ >= 0) close(writing_);
  writing_ = -1;
}

}  // namespace percore::test
