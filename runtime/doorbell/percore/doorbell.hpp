#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <percore/bell_word.hpp>
#include <percore/contract/doorbell.hpp>
#include <percore/io.hpp>
#include <percore/spin_budget.hpp>
#include <vector>

namespace percore {

/// What those who ring at an executor hold. See contract/doorbell.hpp.
/// Thread   any.
class Bell {
 public:
  /// Throws   std::system_error when there is no descriptor left.
  Bell();
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  /// Has the owner look at its inbox `number`, and wakes it if it sleeps.
  /// Cost     an atomic read-modify-write; a system call when the owner sleeps.
  void ring(unsigned number) noexcept {
    if (word_.note(number)) [[unlikely]]
      wake();
  }

 private:
  friend class Doorbell;
  void wake() noexcept;

  alignas(64) BellWord word_;
  alignas(64) const int descriptor_;       // an eventfd: the owner has a poll of it in flight
  std::atomic<std::int64_t> rung_at_ = 0;  // when a sleeper was last woken, on now()'s clock
};

/// How others get an executor's attention: it looks at the bell each turn, and sleeps with a poll
/// of an eventfd in flight. See contract/doorbell.hpp.
/// Thread   its executor's.
/// Source   io_uring_prep_poll_multishot(3) (Linux 5.13); eventfd(2).
class Doorbell final : public Poller {
 public:
  Doorbell();
  ~Doorbell() override;

  const std::shared_ptr<Bell>& bell() const noexcept { return bell_; }
  void attach(Inbox& inbox);
  void detach(Inbox& inbox) noexcept;
  void watch(Inbox& inbox) noexcept;
  void put_off(PutOff& what) noexcept { put_off_.add(what); }
  void take_back(PutOff& what) noexcept { put_off_.remove(what); }

  /// Counted since the doorbell was made: sleeps, spins, and spins in which a message came.
  struct Counts {
    std::uint64_t sleeps = 0;
    std::uint64_t spins = 0;
    std::uint64_t spins_paid = 0;
  };
  Counts counts() const noexcept { return counts_; }

  bool poll() override;
  bool prepare_to_sleep() override;
  void cancel_sleep() override;
  void executor_gone() noexcept override;

 private:
  friend Doorbell& doorbell();

  // The poll of the eventfd, in flight from the first sleep on, and what ends it: a wake-up is one
  // completion, and needs no entry. Each write to the eventfd is told, so it is read only before a
  // poll is put in flight; its count has no end that anybody lives to see.
  struct Heard final : Operation {
    Heard() noexcept : Operation([](Operation&, std::int32_t, std::uint32_t) noexcept {}) {}
  };
  struct Listening {
    Heard poll;
    Heard end;
  };

  void listen();
  void stop_listening();
  bool spin();
  bool spin_has_paid() noexcept;
  bool message_came() const noexcept;
  void look_at_all() noexcept;
  void look_at_watched() noexcept;

  std::shared_ptr<Bell> bell_;
  Executor* executor_ = nullptr;
  PutOffList put_off_;
  std::vector<Inbox*> inboxes_;  // by number; null where one has gone
  std::size_t attached_ = 0;
  std::uint64_t to_look_at_ = 0;  // bits of the bell's word
  Inbox* watched_ = nullptr;
  SpinBudget spinning_;  // W4
  Time fell_asleep_;
  bool asleep_ = false;
  Counts counts_;
  std::unique_ptr<Listening> listening_;
};

/// The doorbell of the executor that runs on this thread.
/// Throws   std::system_error when there is no descriptor left for its eventfd.
Doorbell& doorbell();

}  // namespace percore
