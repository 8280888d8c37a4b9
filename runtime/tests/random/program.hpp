#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

/// Random programs: each draws what it does from a seed, does it on the runtime over the simulated
/// ring, and holds every result against a model. They use the contracts only, so that a learner's
/// modules run them too. Whatever is broken ends the process with a sentence, the seed and what
/// happened last: after a broken promise nothing that runs on can be trusted.
namespace percore::test {

/// One kind of program. `run` does one of them; the simulated run is begun and ended around it.
struct RandomProgram {
  const char* name;
  void (*run)(std::uint64_t seed);
};

void random_ring_program(std::uint64_t seed);
void random_task_program(std::uint64_t seed);
void random_executor_program(std::uint64_t seed);
void random_io_program(std::uint64_t seed);
void random_threads_program(std::uint64_t seed);

inline constexpr std::array random_programs = {
    RandomProgram{"ring", random_ring_program},         RandomProgram{"task", random_task_program},
    RandomProgram{"executor", random_executor_program}, RandomProgram{"io", random_io_program},
    RandomProgram{"threads", random_threads_program},
};

/// Runs one program of one seed, with a kernel that is as rough as the seed has it, and checks what
/// must hold of every program: no oracle of the simulated ring speaks, nothing is in flight, each
/// frame is freed, no descriptor is left open.
void run_random_program(const RandomProgram& program, std::uint64_t seed);

/// Ends the process: `sentence`, the program and the seed that ran, and the run's last events.
[[noreturn]] void broken(std::string_view sentence);

/// A promise that the program holds the runtime to.
inline void expect(bool kept, std::string_view sentence) {
  if (!kept) [[unlikely]]
    broken(sentence);
}

/// Draws from a seed. Equal seeds draw equally on every machine.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {  // splitmix64
    std::uint64_t mixed = state_ += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
  }
  /// From 0 to bound - 1.
  unsigned below(unsigned bound) noexcept { return static_cast<unsigned>((next() >> 33) % bound); }
  unsigned between(unsigned least, unsigned most) noexcept {
    return least + below(most - least + 1);
  }
  bool percent(unsigned chance) noexcept { return below(100) < chance; }

 private:
  std::uint64_t state_;
};

/// Counts what is alive. Each coroutine of a program takes one by value, so that at the end of the
/// program each frame must have been freed.
class Token {
 public:
  Token() noexcept { ++alive; }
  Token(Token&&) noexcept { ++alive; }
  Token& operator=(Token&&) noexcept = default;
  ~Token() { --alive; }

  static inline std::atomic<std::int64_t> alive = 0;
};

/// The byte that stands at `place` of the stream or file `name`: what is read is known beforehand.
std::byte byte_at(std::uint64_t name, std::uint64_t place) noexcept;
void fill(std::span<std::byte> bytes, std::uint64_t name, std::uint64_t place) noexcept;
bool holds(std::span<const std::byte> bytes, std::uint64_t name, std::uint64_t place) noexcept;

/// A file in memory, closed at the end.
class MemoryFile {
 public:
  MemoryFile();
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

/// A pipe that holds little, so that writers wait too. Each end is closed once.
class SmallPipe {
 public:
  SmallPipe();
  ~SmallPipe();
  SmallPipe(const SmallPipe&) = delete;
  SmallPipe& operator=(const SmallPipe&) = delete;
  int reading() const noexcept { return reading_; }
  int writing() const noexcept { return writing_; }
  void close_writing();

 private:
  int reading_;
  int writing_;
};

}  // namespace percore::test
