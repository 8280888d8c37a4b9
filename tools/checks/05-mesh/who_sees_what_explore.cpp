// 05.1 who_sees_what: the questions in order, each tried in every execution that the memory model
// allows.

#include <percore/atomic.hpp>
#include <percore/explore.hpp>

#include "01-hello-world/answers.hpp"

using checks::expect_answer;
using checks::Misconception;
using percore::atomic;
using percore::atomic_thread_fence;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

namespace {

constexpr const char* publishing = "Lesson 05, *Publishing*";
constexpr const char* sleeping_flag = "Lesson 05, *The sleeping flag*";
constexpr const char* one_word = "Lesson 05, *Both in one word*";

struct Shared {
  atomic<int> x{0};
  atomic<int> y{0};
  atomic<int> flag{0};
};

/// Whether some execution of the two threads ends with `a` and `b` as what they saw.
template <typename A, typename B>
std::string ever(A thread_a, B thread_b, int a, int b) {
  bool seen = false;
  percore::explore::explore({.preemptions = percore::explore::Options::ALL},
                            [&](percore::explore::Threads& threads) {
                              Shared shared;
                              int of_a = 0;
                              int of_b = 0;
                              threads.spawn("A", [&] { of_a = thread_a(shared); });
                              threads.spawn("B", [&] { of_b = thread_b(shared); });
                              threads.run();
                              seen = seen || (of_a == a && of_b == b);
                            });
  return checks::yes_or_no(seen);
}

template <std::memory_order order>
int sends(Shared& shared) {
  shared.x.store(1, memory_order_relaxed);
  shared.flag.store(1, order);
  return 0;
}
/// 1 when the flag was seen and the message was not.
template <std::memory_order order>
int receives(Shared& shared) {
  const int flag = shared.flag.load(order);
  return flag == 1 && shared.x.load(memory_order_relaxed) == 0 ? 1 : 0;
}

template <bool fenced>
int says_x_reads_y(Shared& shared) {
  shared.x.store(1, memory_order_release);
  if (fenced) atomic_thread_fence(memory_order_seq_cst);
  return shared.y.load(memory_order_acquire);
}
template <bool fenced>
int says_y_reads_x(Shared& shared) {
  shared.y.store(1, memory_order_release);
  if (fenced) atomic_thread_fence(memory_order_seq_cst);
  return shared.x.load(memory_order_acquire);
}

}  // namespace

PERCORE_CHECK("", relaxed, "B2", "relaxed orders nothing", publishing, .seeds = 1, .faults = false,
              .ring = false) {
  constexpr Misconception why[] = {
      {"no",
       "relaxed stores to two places may be seen in the other order: compiler and processor "
       "are free to do so"}};
  expect_answer(run, "relaxed",
                ever(sends<memory_order_relaxed>, receives<memory_order_relaxed>, 0, 1), why,
                "answer yes or no");
}

PERCORE_CHECK("", release_acquire, "B2", "release and acquire hand over what came before",
              publishing, .seeds = 1, .faults = false, .ring = false) {
  constexpr Misconception why[] = {
      {"yes",
       "an acquire that reads what a release wrote sees everything that came before the "
       "release"}};
  expect_answer(run, "release_acquire",
                ever(sends<memory_order_release>, receives<memory_order_acquire>, 0, 1), why,
                "answer yes or no");
}

PERCORE_CHECK("", release_alone, "B2", "it takes both ends", publishing, .seeds = 1,
              .faults = false, .ring = false) {
  constexpr Misconception why[] = {
      {"no",
       "a release is half of a pair: without the acquire, B's second load may come before its "
       "first"}};
  expect_answer(run, "release_alone",
                ever(sends<memory_order_release>, receives<memory_order_relaxed>, 0, 1), why,
                "answer yes or no");
}

PERCORE_CHECK("", both_zero, "W1", "release and acquire do not order a store before a later load",
              sleeping_flag, .seeds = 1, .faults = false, .ring = false) {
  constexpr Misconception why[] = {
      {"no",
       "a store waits in the processor's store buffer while the load behind it is done "
       "already, on x86 too; release and acquire do not forbid it"}};
  expect_answer(run, "both_zero", ever(says_x_reads_y<false>, says_y_reads_x<false>, 0, 0), why,
                "answer yes or no");
}

PERCORE_CHECK("", two_fences, "W1", "of two fences one comes first", sleeping_flag, .seeds = 1,
              .faults = false, .ring = false) {
  constexpr Misconception why[] = {
      {"yes",
       "of two sequentially consistent fences one comes first, and what stands before it is "
       "seen behind the other"}};
  expect_answer(run, "two_fences", ever(says_x_reads_y<true>, says_y_reads_x<true>, 0, 0), why,
                "answer yes or no");
}

PERCORE_CHECK("", one_fence, "W1", "it takes both fences", sleeping_flag, .seeds = 1,
              .faults = false, .ring = false) {
  constexpr Misconception why[] = {
      {"no", "the fence orders A's store and load; B may still load first and store later"}};
  expect_answer(run, "one_fence", ever(says_x_reads_y<true>, says_y_reads_x<false>, 0, 0), why,
                "answer yes or no");
}

PERCORE_CHECK("", one_word, "W1", "changes of one word have an order", one_word, .seeds = 1,
              .faults = false, .ring = false) {
  constexpr Misconception why[] = {
      {"yes",
       "read-modify-writes of one object come one after the other, whatever their memory "
       "order: the second sees what the first wrote"}};
  expect_answer(
      run, "one_word",
      ever([](Shared& shared) { return shared.x.fetch_or(1, memory_order_relaxed); },
           [](Shared& shared) { return shared.x.fetch_or(2, memory_order_relaxed); }, 0, 0),
      why, "answer yes or no");
}

PERCORE_CHECK("", backwards, "B2", "one object never goes backwards", publishing, .seeds = 1,
              .faults = false, .ring = false) {
  constexpr Misconception why[] = {
      {"yes",
       "a thread that has seen a newer value of one object never sees an older one "
       "afterwards, whatever the memory order"}};
  expect_answer(run, "backwards",
                ever(
                    [](Shared& shared) {
                      shared.flag.store(1, memory_order_release);
                      shared.flag.store(2, memory_order_release);
                      return 0;
                    },
                    [](Shared& shared) {
                      const int first = shared.flag.load(memory_order_acquire);
                      const int second = shared.flag.load(memory_order_acquire);
                      return first == 2 && second == 1 ? 1 : 0;
                    },
                    0, 1),
                why, "answer yes or no");
}
