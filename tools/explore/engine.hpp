#pragma once

/// The search: runs the body again and again, each time with another choice at the last place where
/// one is left, until none is.
///
/// Choices are which thread goes on, which store a load reads, where a store stands in the
/// modification order, and whether a weak exchange fails for no reason. Threads are switched only
/// before events that read: an event that only writes can be executed as soon as its thread gets to
/// it, because the model lets others go on reading what was there before (model.hpp, invariant 2).
///
/// The order of the events of an execution is in none of its results, so a state is known by its
/// graph; one that was met before is run to its end without further choices.

#include "fiber.hpp"
#include "model.hpp"
#include "plain.hpp"
#include "trace.hpp"
#include "visited.hpp"

#include <percore/atomic.hpp>
#include <percore/explore.hpp>

#include <memory>
#include <string>
#include <vector>

namespace percore::explore {

class Engine {
 public:
  Engine(const Options& options, const std::function<void(Threads&)>& body);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Outcome explore();

  // --- called from the explored code ---
  void spawn(const char* name, std::function<void()> work);
  void run();
  [[noreturn]] void fail(Wrong wrong, std::string sentence);
  std::uint64_t load(const Cell& cell, std::memory_order order, Where where);
  void store(Cell& cell, std::uint64_t value, std::memory_order order, Where where);
  std::uint64_t update(Cell& cell, Change change, std::uint64_t operand, std::memory_order order,
                       Where where);
  bool compare_exchange(Cell& cell, const Exchange& exchange, std::uint64_t& seen, Where where);
  void fence(std::memory_order order, Where where);
  void wake(Cell& cell, Where where);
  void sleep(Cell& cell, Where where);
  void yield();
  void made(Cell& cell, Where where);
  void destroyed(Cell& cell);
  void plain(const void* address, bool write, Where where, std::string_view words);
  void forget(const void* address, std::size_t bytes) noexcept { plain_.forget(address, bytes); }
  void say(std::string words);
  [[nodiscard]] bool telling() const noexcept { return telling_; }
  /// How often the running thread has spun. It is told the time, so its spinning may end by itself.
  std::uint64_t time_spun() noexcept {
    threads_[current_]->looks_at_time = true;
    return threads_[current_]->yields;
  }

 private:
  enum class Status : std::uint8_t { ready, spinning, sleeping, finished };

  struct Thread {
    explicit Thread(Fiber& its_fiber) : fiber(its_fiber) {}
    Fiber& fiber;
    const char* name = "";
    std::function<void()> work;
    Engine* engine = nullptr;
    Status status = Status::ready;
    std::uint32_t yields = 0;
    std::uint32_t writes = 0;         ///< its own that changed a value
    std::uint32_t others_writes = 0;  ///< others' when it last yielded
    std::uint32_t retries = 0;        ///< spins since anything was written
    bool fresh = false;               ///< reads the newest values until it yields again
    bool looks_at_time = false;       ///< since it yielded last
    bool spurious = false;            ///< a weak exchange has failed for no reason
    std::uint32_t idle_loads = 0;     ///< loads in a row that brought nothing new
    std::uint32_t waits_in = 0;       ///< the location it sleeps in
    std::uint32_t steps = 0;
    std::uint32_t made = 0;  ///< atomics it constructed
    Where last;              ///< where it was last
  };

  struct Choice {
    std::uint16_t taken = 0;
    std::uint16_t count = 0;
  };

  // --- search.cpp ---
  bool search(unsigned bound);
  void run_once();
  bool next_choices();
  void consider_failure();
  Outcome show_again();
  void fill_failure(Outcome& outcome, const Told& told) const;
  Told tell();
  [[nodiscard]] std::string schedule_text() const;
  void take_schedule(std::string_view text);

  // --- engine.cpp ---
  static void body_entry(void* engine);
  static void thread_entry(void* thread);
  unsigned choose(std::size_t count);
  void step(Where where);
  void point();
  void decide();
  void list_options();
  [[nodiscard]] Model::Hash state_key() const noexcept;
  [[nodiscard]] std::uint32_t writes_by_others(unsigned thread) const noexcept;
  [[nodiscard]] bool can_go_on(unsigned thread) noexcept;
  [[noreturn]] void stuck();
  void go_to(unsigned thread);
  void after_load(std::uint32_t location);
  void after_write(std::uint32_t location, std::uint32_t store);
  std::uint32_t resolve(const Cell& cell, Where where);
  void need_sc(std::memory_order order);
  std::uint32_t last_store(std::uint32_t location) noexcept;
  void trace(Event event);
  void update_chosen(std::uint32_t location, std::uint32_t read, std::uint64_t value,
                     std::memory_order order, Where where, Act act);

  const Options& options_;
  const std::function<void(Threads&)>& body_;

  // The execution at hand.
  Model model_;
  PlainMemory plain_;
  Fiber root_;
  std::vector<std::unique_ptr<Thread>> threads_;  ///< a pool; the first count_ are this execution's
  unsigned count_ = 0;
  unsigned current_ = 0;
  std::uint32_t writes_ = 0;
  unsigned left_ = 0;  ///< preemptions
  bool started_ = false;
  bool bare_ = false;  ///< nothing new lies ahead: no more choices
  std::uint64_t execution_ = 0;
  Wrong wrong_ = Wrong::nothing;
  std::string sentence_;
  std::uint64_t steps_ = 0;

  // The search.
  std::vector<Choice> choices_;
  std::size_t depth_ = 0;
  unsigned bound_ = 0;
  bool held_back_ = false;  ///< the bound forbade a switch
  bool replaying_ = false;  ///< follow choices_, then take the first of everything
  bool telling_ = false;
  Visited visited_;
  std::vector<std::uint32_t> options_now_;
  std::vector<std::uint32_t> candidates_, more_candidates_;
  Trace trace_;

  // What it found.
  Outcome outcome_;
  bool found_ = false;
  Told best_;
  std::uint64_t found_at_ = 0;
  unsigned failures_ = 0;
};

/// The exploration under way in this process, or null.
Engine*& engine() noexcept;

/// True in the explored code.
bool exploring() noexcept;

}  // namespace percore::explore
