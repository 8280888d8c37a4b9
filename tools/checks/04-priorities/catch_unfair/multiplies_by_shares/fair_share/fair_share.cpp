#include <percore/fair_share.hpp>

#include <algorithm>
#include <cstdint>

namespace percore {

void FairShare::wake(ShareHolder& holder, Time due) noexcept {
  PERCORE_ASSERT(!holder.ready(), "a holder of shares was woken that is ready already");
  holder.virtual_time_ = std::max(holder.virtual_time_, turn_began_);
  holder.due_ = due;
  insert(holder, nullptr);
}

void FairShare::charge(ShareHolder& holder, Time ran) noexcept {
  PERCORE_ASSERT(holder.ready(), "a holder of shares was charged that is not ready");
  const auto nanoseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(ran.nanoseconds, 1));
  const std::uint64_t scaled = nanoseconds * shares_max + holder.remainder_;
  holder.virtual_time_ += nanoseconds * holder.shares_ / shares_max;
  holder.remainder_ = static_cast<unsigned>(scaled % holder.shares_);
  holder.due_ = Time::never();
  // Its time has grown: whoever it passes now stands behind it.
  ShareHolder* const before = holder.before_;
  remove(holder);
  insert(holder, before);
}

void FairShare::sleep(ShareHolder& holder) noexcept {
  PERCORE_ASSERT(holder.ready(), "a holder of shares was put to sleep that is not ready");
  remove(holder);
}

// Behind `behind` (null: from the front on), and behind all that go first or have waited longer.
void FairShare::insert(ShareHolder& holder, ShareHolder* behind) noexcept {
  const auto goes_first = [&](const ShareHolder& other) {
    if (other.virtual_time_ != holder.virtual_time_)
      return other.virtual_time_ < holder.virtual_time_;
    return other.due_ <= holder.due_;
  };
  ShareHolder* next = behind == nullptr ? first_ : behind->behind_;
  for (; next != nullptr && goes_first(*next); next = next->behind_) behind = next;
  holder.ready_ = true;
  holder.before_ = behind;
  holder.behind_ = next;
  (behind == nullptr ? first_ : behind->behind_) = &holder;
  if (next != nullptr) next->before_ = &holder;
}

void FairShare::remove(ShareHolder& holder) noexcept {
  holder.ready_ = false;
  (holder.before_ == nullptr ? first_ : holder.before_->behind_) = holder.behind_;
  if (holder.behind_ != nullptr) holder.behind_->before_ = holder.before_;
}

}  // namespace percore
