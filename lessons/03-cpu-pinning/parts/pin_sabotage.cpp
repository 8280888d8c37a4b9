// The classic mistakes with pinned threads, made on purpose on this machine.
#include "pin_sabotage.hpp"

#include <sys/mman.h>

#include <cstring>
#include <percore/topology.hpp>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "kernels_word.hpp"
#include "pin.hpp"

namespace lesson {
namespace {

constexpr unsigned executors = 3;
constexpr unsigned pages = 1000;

// The mistake: whether the kernel agreed is not looked at.
void ignored_error() {
  const unsigned nowhere = percore::cpus_max - 1;
  std::thread([nowhere] {
    fmt::print("a thread is pinned to CPU {}, and goes on\n\n", nowhere);
    const std::string before = ask_kernel().may_run_on;
    const int refused = pin(only(nowhere));
    const KernelsWord word = ask_kernel();
    fmt::print("  it believes that it runs on   {}\n", nowhere);
    fmt::print("  the kernel had said           {}\n", std::strerror(refused));
    fmt::print("  the CPUs it may use are       {}\n",
               word.may_run_on == before ? "those from before" : "others");
  }).join();
  fmt::print(
      "\nWhat happened: sched_setaffinity() failed, nobody looked, and the thread moves about as "
      "before. Everything\n"
      "works, and is slow at times. In a container it is the CPU list of another machine that does "
      "this. This is A1.\n");
}

// The mistake: the thread that starts the others is pinned first, and they inherit it.
void all_on_one() {
  const auto allowed = percore::allowed_cpus();
  if (!allowed) return;
  std::vector<KernelsWord> words(executors);
  std::thread([&] {
    pin(only(allowed->next(0)));  // "the main thread gets the first CPU"
    std::vector<std::thread> threads;
    for (unsigned executor = 0; executor < executors; ++executor)
      threads.emplace_back([&words, executor] { words[executor] = ask_kernel(); });
    for (std::thread& thread : threads) thread.join();
  }).join();
  fmt::print("the main thread is pinned to its CPU, then it starts {} unbound executors\n\n",
             executors);
  unsigned on_first = 0;
  for (const KernelsWord& word : words)
    if (word.may_run_on == std::to_string(allowed->next(0))) ++on_first;
  fmt::print("  executors that may use nothing but that one CPU: {} of {}\n", on_first, executors);
  fmt::print(
      "\nWhat happened: a thread begins with the CPUs of the one that starts it. Unbound means: "
      "leave it as it is.\n"
      "Start the executors first, or give each its own set, as a pool does. This is A1.\n");
}

char* fresh_memory(std::size_t bytes) {
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  madvise(memory, bytes, MADV_NOHUGEPAGE);  // so that pages can be counted
  return static_cast<char*>(memory);
}

void touch(char* memory) {
  for (unsigned page = 0; page < pages; ++page) memory[page * 4096UL] = 1;
}

// The mistake: memory is made ready before the thread that will use it is where it belongs.
void allocated_first() {
  const std::size_t bytes = pages * 4096UL;
  std::uint64_t by_main = 0, by_member = 0, by_pinned_member = 0;
  std::thread([&] {
    std::uint64_t before = first_touches();
    char* const early = fresh_memory(bytes);
    touch(early);
    by_main = first_touches() - before;
    std::thread([&] {
      const std::uint64_t begin = first_touches();
      touch(early);
      by_member = first_touches() - begin;
      char* const late = fresh_memory(bytes);
      touch(late);
      by_pinned_member = first_touches() - begin - by_member;
      munmap(late, bytes);
    }).join();
    munmap(early, bytes);
  }).join();
  const auto thousands = [](std::uint64_t touches) { return (touches + 500) / 1000 * 1000; };
  fmt::print("{} pages of memory; who touched them first, and so decided where they lie?\n\n",
             pages);
  fmt::print("                                        the main thread   the executor\n");
  fmt::print("  made by main, handed to the executor  {:>15}   {:>12}\n", thousands(by_main),
             thousands(by_member));
  fmt::print("  made by the executor, once pinned     {:>15}   {:>12}\n", 0,
             thousands(by_pinned_member));
  fmt::print(
      "\nWhat happened: the kernel finds a page at its first touch, in the memory next to the CPU "
      "that touches it.\n"
      "What is made ready before the executor is pinned lies by somebody else's CPU. This is "
      "O1.\n");
}

}  // namespace

int sabotage_pins(const std::string& name) {
  if (name == "ignored-error") ignored_error();
  if (name == "all-on-one") all_on_one();
  if (name == "allocated-first") allocated_first();
  return 0;
}

}  // namespace lesson
