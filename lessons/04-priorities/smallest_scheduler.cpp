// The smallest scheduler: two that share a thread, and who is next.
#include <fmt/core.h>

#include <percore/fair_share.hpp>

int main() {
  percore::FairShare fair;
  percore::ShareHolder front(1000);
  percore::ShareHolder back(250);
  fair.wake(front);  // both have something to run, all the time
  fair.wake(back);

  for (int turn = 1; turn <= 12; ++turn) {
    percore::ShareHolder* const next = fair.pick();  // the one with the least virtual time
    const bool is_front = next == &front;
    const percore::Time ran{is_front ? 1'000'000 : 500'000};  // its turn: 1 ms, or half of that
    fair.charge(*next, ran);
    fmt::print("turn {:2}: {}, {:.1f} ms; virtual time now: front {:4.1f}, back {:4.1f}\n", turn,
               is_front ? "front" : "back ", static_cast<double>(ran.nanoseconds) / 1e6,
               static_cast<double>(front.virtual_time()) / 1e6,
               static_cast<double>(back.virtual_time()) / 1e6);
  }
  fair.sleep(front);
  fair.sleep(back);
}
