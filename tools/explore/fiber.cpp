// Switching stacks: 20 instructions on x86-64, ucontext elsewhere.
// AddressSanitizer is told of each switch, or it takes one stack's objects for another's.

#include "fiber.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#define PERCORE_EXPLORE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PERCORE_EXPLORE_ASAN 1
#endif
#endif
#ifdef PERCORE_EXPLORE_ASAN
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__x86_64__)
// Saves what a function must preserve (System V ABI: rbx, rbp, r12 to r15, the control words),
// takes the other stack, restores the same.
extern "C" void percore_explore_switch(void** save_at, void* resume_at);
asm(R"(
.text
.type percore_explore_switch, @function
percore_explore_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  subq $8, %rsp
  stmxcsr (%rsp)
  fnstcw 4(%rsp)
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  ldmxcsr (%rsp)
  fldcw 4(%rsp)
  addq $8, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size percore_explore_switch, .-percore_explore_switch
.type percore_explore_enter, @function
percore_explore_enter:
  movq %r12, %rdi
  jmpq *%r13
.size percore_explore_enter, .-percore_explore_enter
)");
extern "C" void percore_explore_enter();
#else
#include <ucontext.h>
#endif

namespace percore::explore {

Fiber::Fiber(std::size_t stack_bytes) : stack_bytes_(stack_bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  mapped_bytes_ = stack_bytes_ + page;
  void* memory = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) != 0) {
    std::perror("percore: no memory for the stack of an explored thread");
    std::exit(3);
  }
  stack_ = static_cast<std::byte*>(memory) + page;  // below lies a page that a full stack runs into
  bottom_ = stack_;
  bottom_bytes_ = stack_bytes_;
}

Fiber::~Fiber() {
  if (stack_ != nullptr) munmap(stack_ + stack_bytes_ - mapped_bytes_, mapped_bytes_);
#if !defined(__x86_64__)
  delete static_cast<ucontext_t*>(resume_at_);
#endif
}

// The first thing on a new stack.
void Fiber::begin(void* self) noexcept {
  auto& fiber = *static_cast<Fiber*>(self);
  fiber.arrived();
  fiber.entry_(fiber.argument_);
  std::abort();  // an entry ends by switching away
}

void Fiber::arrived() noexcept {
#ifdef PERCORE_EXPLORE_ASAN
  // The fake stack of an ended flow serves the next one: making it anew costs more than a run.
  __sanitizer_finish_switch_fiber(sanitizer_, nullptr, nullptr);
#endif
}

void Fiber::start(void (*entry)(void*), void* argument) noexcept {
  entry_ = entry;
  argument_ = argument;
#ifdef PERCORE_EXPLORE_ASAN
  // What ran here before never returned, so its frames still count as taken.
  __asan_unpoison_memory_region(stack_, stack_bytes_);
#endif
#if defined(__x86_64__)
  constexpr std::uint64_t USUAL_CONTROL_WORDS =
      0x0000037f'00001f80;  // fnstcw, stmxcsr after a start
  auto* top = reinterpret_cast<std::uint64_t*>(stack_ + stack_bytes_);
  *--top = 0;
  *--top = reinterpret_cast<std::uint64_t>(&percore_explore_enter);  // where the switch returns to
  *--top = 0;                                                        // rbp
  *--top = 0;                                                        // rbx
  *--top = reinterpret_cast<std::uint64_t>(this);                    // r12
  *--top = reinterpret_cast<std::uint64_t>(&Fiber::begin);           // r13
  *--top = 0;                                                        // r14
  *--top = 0;                                                        // r15
  *--top = USUAL_CONTROL_WORDS;
  resume_at_ = top;
#else
  if (resume_at_ == nullptr) resume_at_ = new ucontext_t;
  auto& context = *static_cast<ucontext_t*>(resume_at_);
  getcontext(&context);
  context.uc_stack.ss_sp = stack_;
  context.uc_stack.ss_size = stack_bytes_;
  context.uc_link = nullptr;
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&context, reinterpret_cast<void (*)()>(+[](unsigned high, unsigned low) {
    begin(reinterpret_cast<void*>(std::uintptr_t{high} << 32 | low));
  }),
              2, static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
#endif
}

void Fiber::switch_over(Fiber& from, Fiber& to) noexcept {
#ifdef PERCORE_EXPLORE_ASAN
  if (from.bottom_ == nullptr) {
    // The flow that explores has the stack of its operating system thread.
    pthread_attr_t attributes;
    void* bottom = nullptr;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &bottom, &from.bottom_bytes_);
    pthread_attr_destroy(&attributes);
    from.bottom_ = bottom;
  }
  __sanitizer_start_switch_fiber(&from.sanitizer_, to.bottom_, to.bottom_bytes_);
#endif
#if defined(__x86_64__)
  percore_explore_switch(&from.resume_at_, to.resume_at_);
#else
  if (from.resume_at_ == nullptr) from.resume_at_ = new ucontext_t;
  swapcontext(static_cast<ucontext_t*>(from.resume_at_), static_cast<ucontext_t*>(to.resume_at_));
#endif
  from.arrived();
}

}  // namespace percore::explore
