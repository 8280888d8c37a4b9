// The classic litmus tests, each with all combinations of memory orders and fences, against what
// [atomics.order] of C++20 says of them.

#include "sanitized.hpp"

#include <percore/atomic.hpp>
#include <percore/explore.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <functional>
#include <set>
#include <span>
#include <vector>

using namespace percore;
namespace explore = percore::explore;

namespace {

using Order = std::memory_order;
constexpr Order RLX = std::memory_order_relaxed, ACQ = std::memory_order_acquire,
                REL = std::memory_order_release, ACQ_REL = std::memory_order_acq_rel,
                SC = std::memory_order_seq_cst;
// A fence of relaxed order is none.
constexpr Order LOADS[] = {RLX, ACQ, SC}, STORES[] = {RLX, REL, SC}, FENCES[] = {RLX, ACQ_REL, SC};

using Values = std::vector<unsigned>;

// All outcomes of a litmus test. Thread i of `threads` writes what it reads into its registers.
struct Litmus {
  atomic<unsigned> x{0}, y{0};
  std::array<unsigned, 6> r{};
};
using Part = std::function<void(Litmus&)>;

bool shows(const std::vector<Part>& parts, const std::function<bool(Litmus&)>& outcome) {
  bool shown = false;
  const auto result =
      explore::explore({.preemptions = explore::Options::ALL}, [&](explore::Threads& threads) {
        Litmus litmus;
        static constexpr const char* NAMES[] = {"A", "B", "C", "D"};
        for (std::size_t i = 0; i < parts.size(); ++i)
          threads.spawn(NAMES[i], [&litmus, part = &parts[i]] { (*part)(litmus); });
        threads.run();
        shown |= outcome(litmus);
      });
  REQUIRE(result.passed());
  REQUIRE(result.every_schedule);
  return shown;
}

// Calls f with every combination of orders out of the lists.
void each(const std::vector<std::span<const Order>>& lists,
          const std::function<void(const std::vector<Order>&)>& f) {
  std::vector<std::size_t> at(lists.size());
  constexpr unsigned STRIDE = SANITIZED != 0 ? 7 : 1;
  for (unsigned count = 0;; ++count) {
    std::vector<Order> orders;
    for (std::size_t i = 0; i < lists.size(); ++i) orders.push_back(lists[i][at[i]]);
    if (count % STRIDE == 0) f(orders);
    std::size_t i = 0;
    while (i < lists.size() && ++at[i] == lists[i].size()) at[i++] = 0;
    if (i == lists.size()) return;
  }
}

std::string words(const std::vector<Order>& orders) {
  std::string out;
  for (const Order order : orders) out += fmt::format("{} ", static_cast<int>(order));
  return out;
}

bool acquires(Order order) {
  return order == ACQ || order == ACQ_REL || order == SC;
}
bool releases(Order order) {
  return order == REL || order == ACQ_REL || order == SC;
}

}  // namespace

TEST_CASE("SB: both read the old value unless each has a seq_cst fence or two seq_cst accesses") {
  each({STORES, FENCES, LOADS, STORES, FENCES, LOADS}, [](const std::vector<Order>& o) {
    const bool shown = shows({[&](Litmus& l) {
                                l.x.store(1, o[0]);
                                atomic_thread_fence(o[1]);
                                l.r[0] = l.y.load(o[2]);
                              },
                              [&](Litmus& l) {
                                l.y.store(1, o[3]);
                                atomic_thread_fence(o[4]);
                                l.r[1] = l.x.load(o[5]);
                              }},
                             [](Litmus& l) { return l.r[0] == 0 && l.r[1] == 0; });
    const bool first = o[1] == SC || (o[0] == SC && o[2] == SC);
    const bool second = o[4] == SC || (o[3] == SC && o[5] == SC);
    CHECK_MESSAGE(shown == !(first && second), words(o));
  });
}

TEST_CASE("MP: the flag without the data unless released and acquired") {
  each({STORES, FENCES, STORES, LOADS, FENCES, LOADS}, [](const std::vector<Order>& o) {
    const bool shown = shows({[&](Litmus& l) {
                                l.x.store(1, o[0]);
                                atomic_thread_fence(o[1]);
                                l.y.store(1, o[2]);
                              },
                              [&](Litmus& l) {
                                l.r[0] = l.y.load(o[3]);
                                atomic_thread_fence(o[4]);
                                l.r[1] = l.x.load(o[5]);
                              }},
                             [](Litmus& l) { return l.r[0] == 1 && l.r[1] == 0; });
    const bool released = releases(o[1]) || releases(o[2]);
    const bool acquired = acquires(o[3]) || acquires(o[4]);
    // Without release and acquire S alone can forbid it.
    const bool in_s =
        (o[1] == SC || (o[0] == SC && o[2] == SC)) && (o[4] == SC || (o[3] == SC && o[5] == SC));
    CHECK_MESSAGE(shown == !((released && acquired) || in_s), words(o));
  });
}

TEST_CASE("LB: a load cannot read what a later store depends on; not part of the model") {
  CHECK_FALSE(shows({[](Litmus& l) {
                       l.r[0] = l.x.load(RLX);
                       l.y.store(1, RLX);
                     },
                     [](Litmus& l) {
                       l.r[1] = l.y.load(RLX);
                       l.x.store(1, RLX);
                     }},
                    [](Litmus& l) { return l.r[0] == 1 && l.r[1] == 1; }));
}

TEST_CASE("IRIW: two readers see two writes in different orders unless S orders the readers") {
  constexpr Order WRITES[] = {RLX, SC}, BETWEEN[] = {RLX, SC};
  constexpr Order FEW_LOADS[] = {ACQ, SC};
  each({WRITES, WRITES, LOADS, BETWEEN, LOADS, FEW_LOADS, BETWEEN, FEW_LOADS},
       [](const std::vector<Order>& o) {
         const bool shown = shows(
             {[&](Litmus& l) { l.x.store(1, o[0]); }, [&](Litmus& l) { l.y.store(1, o[1]); },
              [&](Litmus& l) {
                l.r[0] = l.x.load(o[2]);
                atomic_thread_fence(o[3]);
                l.r[1] = l.y.load(o[4]);
              },
              [&](Litmus& l) {
                l.r[2] = l.y.load(o[5]);
                atomic_thread_fence(o[6]);
                l.r[3] = l.x.load(o[7]);
              }},
             [](Litmus& l) { return l.r[0] == 1 && l.r[1] == 0 && l.r[2] == 1 && l.r[3] == 0; });
         const bool first = o[3] == SC || (o[2] == SC && o[4] == SC);
         const bool second = o[6] == SC || (o[5] == SC && o[7] == SC);
         CHECK_MESSAGE(shown == !(first && second), words(o));
       });
}

TEST_CASE("2+2W: both first stores last unless S orders both threads") {
  each({STORES, FENCES, STORES, STORES, FENCES, STORES}, [](const std::vector<Order>& o) {
    const bool shown = shows({[&](Litmus& l) {
                                l.x.store(1, o[0]);
                                atomic_thread_fence(o[1]);
                                l.y.store(2, o[2]);
                              },
                              [&](Litmus& l) {
                                l.y.store(1, o[3]);
                                atomic_thread_fence(o[4]);
                                l.x.store(2, o[5]);
                              }},
                             [](Litmus& l) { return l.x.load(RLX) == 1 && l.y.load(RLX) == 1; });
    const bool first = o[1] == SC || (o[0] == SC && o[2] == SC);
    const bool second = o[4] == SC || (o[3] == SC && o[5] == SC);
    CHECK_MESSAGE(shown == !(first && second), words(o));
  });
}

TEST_CASE("R: a store that comes last and a load that misses") {
  each({STORES, FENCES, STORES, STORES, FENCES, LOADS}, [](const std::vector<Order>& o) {
    const bool shown = shows({[&](Litmus& l) {
                                l.x.store(1, o[0]);
                                atomic_thread_fence(o[1]);
                                l.y.store(1, o[2]);
                              },
                              [&](Litmus& l) {
                                l.y.store(2, o[3]);
                                atomic_thread_fence(o[4]);
                                l.r[0] = l.x.load(o[5]);
                              }},
                             [](Litmus& l) { return l.y.load(RLX) == 2 && l.r[0] == 0; });
    const bool first = o[1] == SC || (o[0] == SC && o[2] == SC);
    const bool second = o[4] == SC || (o[3] == SC && o[5] == SC);
    CHECK_MESSAGE(shown == !(first && second), words(o));
  });
}

TEST_CASE("WRC: what a reader has seen is handed on by release and acquire, whatever wrote it") {
  each({STORES, LOADS, STORES, LOADS, LOADS}, [](const std::vector<Order>& o) {
    const bool shown = shows({[&](Litmus& l) { l.x.store(1, o[0]); },
                              [&](Litmus& l) {
                                l.r[0] = l.x.load(o[1]);
                                l.y.store(1, o[2]);
                              },
                              [&](Litmus& l) {
                                l.r[1] = l.y.load(o[3]);
                                l.r[2] = l.x.load(o[4]);
                              }},
                             [](Litmus& l) { return l.r[0] == 1 && l.r[1] == 1 && l.r[2] == 0; });
    CHECK_MESSAGE(shown == !(releases(o[2]) && acquires(o[3])), words(o));
  });
}

TEST_CASE("CoRR, CoWW, CoWR, CoRW: one location never goes back") {
  for (const Order store : STORES)
    for (const Order load : LOADS) {
      CHECK_FALSE(shows({[&](Litmus& l) { l.x.store(1, store); },
                         [&](Litmus& l) {
                           l.r[0] = l.x.load(load);
                           l.r[1] = l.x.load(load);
                         }},
                        [](Litmus& l) { return l.r[0] == 1 && l.r[1] == 0; }));
      CHECK_FALSE(shows({[&](Litmus& l) {
                           l.x.store(1, store);
                           l.x.store(2, store);
                         },
                         [&](Litmus& l) { l.r[0] = l.x.load(load); }},
                        [](Litmus& l) { return l.x.load(RLX) != 2; }));
      CHECK_FALSE(shows({[&](Litmus& l) {
                           l.x.store(1, store);
                           l.r[0] = l.x.load(load);
                         },
                         [&](Litmus& l) { l.x.store(2, store); }},
                        [](Litmus& l) { return l.r[0] == 2 && l.x.load(RLX) == 1; }));
      CHECK_FALSE(shows({[&](Litmus& l) {
                           l.r[0] = l.x.load(load);
                           l.x.store(1, store);
                         },
                         [&](Litmus& l) { l.x.store(2, store); }},
                        [](Litmus& l) { return l.r[0] == 2 && l.x.load(RLX) == 2; }));
    }
}

TEST_CASE("two readers agree on the order of two relaxed writes to one location") {
  CHECK_FALSE(
      shows({[](Litmus& l) { l.x.store(1, RLX); }, [](Litmus& l) { l.x.store(2, RLX); },
             [](Litmus& l) {
               l.r[0] = l.x.load(RLX);
               l.r[1] = l.x.load(RLX);
             },
             [](Litmus& l) {
               l.r[2] = l.x.load(RLX);
               l.r[3] = l.x.load(RLX);
             }},
            [](Litmus& l) { return l.r[0] == 1 && l.r[1] == 2 && l.r[2] == 2 && l.r[3] == 1; }));
}

TEST_CASE("release sequence: an update carries it on, a store does not (C++20)") {
  const auto passed_on = [](Order of_update) {
    return shows({[](Litmus& l) {
                    l.x.store(1, RLX);
                    l.y.store(1, REL);
                  },
                  [=](Litmus& l) { l.y.fetch_add(1, of_update); },
                  [](Litmus& l) {
                    l.r[0] = l.y.load(ACQ);
                    l.r[1] = l.x.load(RLX);
                  }},
                 [](Litmus& l) { return l.r[0] == 2 && l.r[1] == 0; });
  };
  CHECK_FALSE(passed_on(RLX));
  CHECK_FALSE(passed_on(ACQ_REL));
  CHECK(shows({[](Litmus& l) {
                 l.x.store(1, RLX);
                 l.y.store(1, REL);
                 l.y.store(2, RLX);
               },
               [](Litmus& l) {
                 l.r[0] = l.y.load(ACQ);
                 l.r[1] = l.x.load(RLX);
               }},
              [](Litmus& l) { return l.r[0] == 2 && l.r[1] == 0; }));
}

TEST_CASE("Z6.U: mixing seq_cst with release and acquire is weaker than it looks (P0668)") {
  CHECK(shows({[](Litmus& l) {
                 l.x.store(1, SC);
                 l.y.store(1, REL);
               },
               [](Litmus& l) {
                 l.r[0] = l.y.fetch_add(1, SC);
                 l.r[1] = l.y.load(RLX);
               },
               [](Litmus& l) {
                 l.y.store(3, SC);
                 l.r[2] = l.x.load(SC);
               }},
              [](Litmus& l) { return l.r[0] == 1 && l.r[1] == 3 && l.r[2] == 0; }));
  // With seq_cst throughout it is forbidden.
  CHECK_FALSE(shows({[](Litmus& l) {
                       l.x.store(1, SC);
                       l.y.store(1, SC);
                     },
                     [](Litmus& l) {
                       l.r[0] = l.y.fetch_add(1, SC);
                       l.r[1] = l.y.load(SC);
                     },
                     [](Litmus& l) {
                       l.y.store(3, SC);
                       l.r[2] = l.x.load(SC);
                     }},
                    [](Litmus& l) { return l.r[0] == 1 && l.r[1] == 3 && l.r[2] == 0; }));
}

TEST_CASE("updates are atomic: none is lost, and each value is taken once") {
  for (const Order order : {RLX, ACQ_REL, SC}) {
    CHECK_FALSE(shows(
        {[&](Litmus& l) { l.x.fetch_add(1, order); }, [&](Litmus& l) { l.x.fetch_add(1, order); },
         [&](Litmus& l) { l.x.fetch_add(1, order); }},
        [](Litmus& l) { return l.x.load(RLX) != 3; }));
    CHECK_FALSE(shows({[&](Litmus& l) { l.r[0] = l.x.exchange(1, order); },
                       [&](Litmus& l) { l.r[1] = l.x.exchange(1, order); }},
                      [](Litmus& l) { return l.r[0] == l.r[1]; }));
  }
  // A load and a store lose one.
  CHECK(shows({[](Litmus& l) { l.x.store(l.x.load(SC) + 1, SC); },
               [](Litmus& l) { l.x.store(l.x.load(SC) + 1, SC); }},
              [](Litmus& l) { return l.x.load(RLX) == 1; }));
}

TEST_CASE("every interleaving is met: the outcomes of two counters are all that there can be") {
  std::set<std::pair<unsigned, unsigned>> met;
  const auto result =
      explore::explore({.preemptions = explore::Options::ALL}, [&](explore::Threads& threads) {
        Litmus l;
        threads.spawn("A", [&] {
          l.x.store(1, SC);
          l.x.store(2, SC);
          l.r[0] = l.y.load(SC);
        });
        threads.spawn("B", [&] {
          l.y.store(1, SC);
          l.y.store(2, SC);
          l.r[1] = l.x.load(SC);
        });
        threads.run();
        met.insert({l.r[0], l.r[1]});
      });
  CHECK(result.every_schedule);
  // One of the two loads comes behind all stores of the other thread.
  CHECK(met == std::set<std::pair<unsigned, unsigned>>{{0, 2}, {1, 2}, {2, 2}, {2, 1}, {2, 0}});
}
