// What a program that crashes can still say: the signal and the return addresses, into the shared
// page. The supervisor turns addresses into lines. Runs on a stack of its own, because the usual
// crash of a coroutine is a full stack.

#include "harness.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>

#if defined(__SANITIZE_ADDRESS__)
#define PERCORE_CHECK_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PERCORE_CHECK_ASAN 1
#endif
#endif

namespace percore::check {

namespace {

std::uintptr_t stack_pointer(const void* context) noexcept {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(machine.gregs[REG_RSP]);
#elif defined(__aarch64__)
  return machine.sp;
#else
  return 0;
#endif
}

std::uintptr_t program_counter(const void* context) noexcept {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return machine.pc;
#else
  return 1;
#endif
}

// Where a call to address zero came from. Nothing can be unwound from there.
std::uintptr_t return_address(const void* context) noexcept {
#if defined(__aarch64__)
  return static_cast<const ucontext_t*>(context)->uc_mcontext.regs[30];
#else
  return *reinterpret_cast<const std::uintptr_t*>(stack_pointer(context));
#endif
}

// Poison that was used as an index, not as a pointer, is in no address: but it is in a register
// still, as it is or scaled by the size of an element.
const char* explain_registers([[maybe_unused]] const void* context) noexcept {
#if defined(__x86_64__)
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
  for (const int number : {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_R8, REG_R9}) {
    const auto value = static_cast<std::uint64_t>(machine.gregs[number]);
    for (unsigned shift = 0; shift <= 6; ++shift)
      if (const char* words = flavour_explain_value(value >> shift); words != nullptr) return words;
  }
#endif
  return nullptr;
}

_Unwind_Reason_Code keep_frame(_Unwind_Context* context, void*) {
  Page& page = *state().page;
  if (page.frame_count >= PAGE_FRAMES_MAX) return _URC_END_OF_STACK;
  // The address of a frame that a signal interrupted is exact, others point behind a call: who
  // reads them takes one off all but the first.
  int exact = 0;
  const auto address = _Unwind_GetIPInfo(context, &exact);
  page.frames[page.frame_count] = page.frame_count != 0 && exact != 0 ? address + 1 : address;
  ++page.frame_count;
  return _URC_NO_REASON;
}

void keep_frames() noexcept {
  state().page->frame_count = 0;
  _Unwind_Backtrace(keep_frame, nullptr);
}

void on_crash(int signal, siginfo_t* info, void* context) {
  Page& page = *state().page;
  if (page.signal ==
      0) {  // a second crash, while unwinding a broken stack, must not hide the first
    page.signal = signal;
    page.fault_address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    // A full stack faults at or just below the stack pointer; any other bad pointer almost never
    // does.
    constexpr std::uintptr_t NEAR = 1U << 16;
    const std::uintptr_t top = stack_pointer(context);
    const bool near_top = page.fault_address + NEAR > top && page.fault_address < top + NEAR;
    page.stack_overflow = signal == SIGSEGV && near_top ? 1 : 0;
    const bool called_null = signal == SIGSEGV && program_counter(context) == 0;
    const char* words = explain_registers(context);
    if (words == nullptr) words = flavour_explain(info->si_addr);
    // The first word of a frame is its resume function; at the final suspend point it is null.
    if (called_null)
      words = "a null address was called, as happens when a coroutine is resumed after its end";
    if (signal == SIGSEGV && words != nullptr)
      std::strncpy(page.explanation, words, sizeof page.explanation - 1);
    keep_frames();
    if (called_null) {
      page.frames[0] = return_address(context);
      page.frame_count = std::max(page.frame_count, 1U);
    }
  }
  struct sigaction usual{};
  usual.sa_handler = SIG_DFL;
  sigaction(signal, &usual, nullptr);
  raise(signal);
}

void on_where(int) {
  keep_frames();
}

void on_terminate() {
  // An exception that nobody catches. The message is the useful part; the crash that follows has
  // the place.
  if (const std::exception_ptr thrown = std::current_exception()) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
      fmt::print(stderr, "percore: an exception left the program: {}\n", error.what());
    } catch (...) {
      fmt::print(stderr, "percore: an exception left the program\n");
    }
  } else {
    fmt::print(stderr, "percore: std::terminate was called without an exception\n");
  }
  std::abort();
}

}  // namespace

void catch_signals() {
  keep_frames();  // the unwinder loads its tables at the first use, which is no work for a signal
                  // handler
  state().page->frame_count = 0;
  std::set_terminate(on_terminate);
  constexpr std::size_t STACK_BYTES = 1U << 18;
  void* memory =
      mmap(nullptr, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  const stack_t stack{.ss_sp = memory, .ss_flags = 0, .ss_size = STACK_BYTES};
  sigaltstack(&stack, nullptr);

  struct sigaction action{};
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  action.sa_sigaction = on_crash;
#ifdef PERCORE_CHECK_ASAN
  // The sanitizer's own handler tells more; only what it leaves alone is ours.
  for (const int signal : {SIGABRT, SIGSYS}) sigaction(signal, &action, nullptr);
#else
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP})
    sigaction(signal, &action, nullptr);
#endif
  struct sigaction where{};
  where.sa_flags = SA_ONSTACK | SA_RESTART;
  where.sa_handler = on_where;
  sigaction(SIGNAL_WHERE, &where, nullptr);
}

}  // namespace percore::check
