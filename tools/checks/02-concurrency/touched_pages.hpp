#pragma once

#include <sys/mman.h>

#include <csignal>
#include <cstddef>
#include <new>

// Whether something costs the same among ten and among a million is told without a clock: each
// object lies on a page of its own, all pages are forbidden, and whoever touches one is counted.
namespace checks {

template <typename T>
class OnePageEach {
 public:
  explicit OnePageEach(std::size_t count) : count_(count) {
    memory_ = static_cast<std::byte*>(mmap(nullptr, count * page_bytes, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (std::size_t i = 0; i < count; ++i) ::new (memory_ + i * page_bytes) T;
  }
  ~OnePageEach() {
    for (std::size_t i = 0; i < count_; ++i) (*this)[i].~T();
    munmap(memory_, count_ * page_bytes);
  }
  OnePageEach(const OnePageEach&) = delete;
  OnePageEach& operator=(const OnePageEach&) = delete;

  std::size_t size() const { return count_; }
  T& operator[](std::size_t index) {
    return *std::launder(reinterpret_cast<T*>(memory_ + index * page_bytes));
  }

  /// How many of them `work` reads or writes.
  template <typename Work>
  std::size_t touched_by(Work&& work) {
    guarded = memory_;
    guarded_bytes = count_ * page_bytes;
    touched = 0;
    struct sigaction counting{};
    counting.sa_sigaction = &OnePageEach::forbidden;
    counting.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &counting, &before);
    mprotect(memory_, guarded_bytes, PROT_NONE);
    work();
    mprotect(memory_, guarded_bytes, PROT_READ | PROT_WRITE);
    sigaction(SIGSEGV, &before, nullptr);
    return touched;
  }

 private:
  static constexpr std::size_t page_bytes = 4096;

  static void forbidden(int, siginfo_t* info, void*) {
    auto* const address = static_cast<std::byte*>(info->si_addr);
    if (address < guarded || address >= guarded + guarded_bytes) {
      sigaction(SIGSEGV, &before, nullptr);  // another mistake: it strikes again, and is told
      return;
    }
    ++touched;
    const auto page = static_cast<std::size_t>(address - guarded) / page_bytes;
    mprotect(guarded + page * page_bytes, page_bytes, PROT_READ | PROT_WRITE);
  }

  static inline std::byte* guarded = nullptr;
  static inline std::size_t guarded_bytes = 0;
  static inline volatile std::size_t touched = 0;
  static inline struct sigaction before{};

  std::size_t count_;
  std::byte* memory_;
};

}  // namespace checks
