#include <percore/fair_share.hpp>

#include <algorithm>
#include <cstdint>

namespace percore {

void ShareHolder::set_shares(unsigned shares) noexcept {
  PERCORE_ASSERT(shares >= shares_min && shares <= shares_max, "shares are 1 to 1000");
  shares_ = shares;
  remainder_ = 0;
}

// Who is ready, in the order of waiting

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
  if (first_ == nullptr) return nullptr;
  ShareHolder* next = first_;
  for (ShareHolder* other = first_->next_; other != nullptr; other = other->next_) {
    const bool equal = other->virtual_time_ == next->virtual_time_;
    if (other->virtual_time_ < next->virtual_time_ || (equal && other->due_ < next->due_))
      next = other;
  }
  turn_began_ = next->virtual_time_;
  return next;
}

void FairShare::wake(ShareHolder& holder, Time due) noexcept {
  PERCORE_ASSERT(!holder.ready_, "a holder of shares was woken that is ready already");
  holder.virtual_time_ = std::max(holder.virtual_time_, turn_began_);
  holder.due_ = due;
  holder.ready_ = true;
  append(holder);
}

void FairShare::sleep(ShareHolder& holder) noexcept {
  PERCORE_ASSERT(holder.ready_, "a holder of shares was put to sleep that is not ready");
  holder.ready_ = false;
  remove(holder);
}

// The account

void FairShare::charge(ShareHolder& holder, Time ran) noexcept {
  PERCORE_ASSERT(holder.ready_, "a holder of shares was charged that is not ready");
  const std::int64_t nanoseconds = std::max<std::int64_t>(ran.nanoseconds, 1);
  const std::int64_t scaled = nanoseconds * shares_max + holder.remainder_;
  holder.virtual_time_ += scaled / holder.shares_;
  holder.remainder_ = static_cast<unsigned>(scaled % holder.shares_);
  holder.due_ = Time::never();
  remove(holder);  // it has had a turn: of equals all others have waited longer
  append(holder);
}

}  // namespace percore
