#include <percore/fair_share.hpp>

#include <algorithm>
#include <cstdint>

namespace percore {

// ----------------------------------------------------------------------------------- Step "pick"

// Done. The ready stand in a list, in the order in which they have waited.
void FairShare::append(ShareHolder& holder) noexcept {
  ShareHolder** end = &first_;
  while (*end != nullptr) end = &(*end)->next_;
  *end = &holder;
  holder.next_ = nullptr;
}

void FairShare::remove(ShareHolder& holder) noexcept {
  ShareHolder** at = &first_;
  while (*at != &holder) at = &(*at)->next_;
  *at = holder.next_;
}

ShareHolder* FairShare::pick() noexcept {
  // TODO pick (F1): the ready holder with the least virtual time; of equals the one that is due
  // first, and of those the one that has waited longest. It stays in the list. Null when none is
  // ready.
  return nullptr;
}

void FairShare::wake(ShareHolder& holder, Time due) noexcept {
  PERCORE_ASSERT(!holder.ready_, "a holder of shares was woken that is ready already");
  // TODO pick: it is ready, and due, from now on.
  //
  // TODO wake (F4): at which virtual time does it go on? Its own may lie far behind that of those
  // who ran meanwhile: then it would have the thread to itself until it has caught up.
  static_cast<void>(holder);
  static_cast<void>(due);
}

void FairShare::sleep(ShareHolder& holder) noexcept {
  PERCORE_ASSERT(holder.ready_, "a holder of shares was put to sleep that is not ready");
  // TODO pick: it is not ready any more.
}

// --------------------------------------------------------------------------------- Step "charge"

void FairShare::charge(ShareHolder& holder, Time ran) noexcept {
  PERCORE_ASSERT(holder.ready_, "a holder of shares was charged that is not ready");
  // TODO charge: it has run for `ran`, one nanosecond at least (F5). Its virtual time grows by that
  // times 1000 (shares_max) divided by its shares, and what the division leaves over is kept for
  // the next time (F2). It is due no longer, and of equals all others have now waited longer (F1).
  static_cast<void>(ran);
}

void ShareHolder::set_shares(unsigned shares) noexcept {
  PERCORE_ASSERT(shares >= shares_min && shares <= shares_max, "shares are 1 to 1000");
  shares_ = shares;
  // TODO charge (F6): what was left over was counted in the old shares, and is dropped.
}

}  // namespace percore
