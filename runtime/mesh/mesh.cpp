#include <percore/mesh.hpp>

#include <algorithm>

namespace percore::mesh_detail {

bool Meeting::come(std::size_t number, MeshRole role) {
  const std::scoped_lock lock(mutex_);
  PERCORE_ASSERT(number < roles_.size() && !roles_[number],
                 "a member of a mesh has a number of its own, below the number of members");
  roles_[number] = role;
  return --missing_ == 0 && outcome_ == Outcome::waits;
}

void Meeting::complete() noexcept {
  end_with(Outcome::complete);
}

void Meeting::fail() noexcept {
  end_with(Outcome::failed);
}

void Meeting::end_with(Outcome outcome) noexcept {
  const std::scoped_lock lock(mutex_);
  end_with_locked(outcome);
}

void Meeting::end_with_locked(Outcome outcome) noexcept {
  if (outcome_ != Outcome::waits) return;  // once complete, it is too late to fail
  outcome_ = outcome;
  for (const All* one : waiting_) one->bell_->ring(one->number());
  waiting_.clear();
}

Meeting::Outcome Meeting::outcome() noexcept {
  const std::scoped_lock lock(mutex_);
  return outcome_;
}

Meeting::All::All(Meeting& meeting)
    : meeting_(meeting), doorbell_(doorbell()), bell_(doorbell_.bell()) {
  doorbell_.attach(*this);
}

bool Meeting::All::await_suspend(std::coroutine_handle<> awaiting) noexcept {
  runnable_ = Runnable::of(awaiting);
  const std::scoped_lock lock(meeting_.mutex_);
  waits_ = meeting_.outcome_ == Outcome::waits && !Executor::current().ending();
  if (waits_) meeting_.waiting_.push_back(this);
  return waits_;
}

void Meeting::All::look() noexcept {
  if (!waits_ || (meeting_.outcome() == Outcome::waits && !Executor::current().ending())) return;
  waits_ = false;
  runnable_.schedule();
}

Result<void> Meeting::All::await_resume() noexcept {
  const std::scoped_lock lock(meeting_.mutex_);
  std::erase(meeting_.waiting_, this);
  meeting_.end_with_locked(Outcome::failed);  // unless all have come meanwhile
  if (meeting_.outcome_ == Outcome::complete) return {};
  return std::unexpected(std::error_code(ECANCELED, std::system_category()));
}

}  // namespace percore::mesh_detail
