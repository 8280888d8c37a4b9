// 05.6 ask_all: up to four executors on threads of their own, under the simulated ring.

#include <percore/check.hpp>
#include <percore/shards.hpp>
#include <percore/sim.hpp>
#include <percore/timer.hpp>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "one_cpu.hpp"

percore::Task<long> ask_all(percore::ShardLink link, long (*question)(std::size_t shard));

using namespace percore;
using percore::check::require;
using percore::check::Run;

namespace {

constexpr const char* a_call = "Lesson 05, *A call to another core*";

/// What the questions saw. Threads run one at a time.
struct Asked {
  std::vector<const Executor*> executors;  // by shard
  std::vector<unsigned> times;
  std::vector<bool> throws;
  std::size_t asker = 0;
};
Asked asked;

/// Less than, equal to and more than 0, and beyond what an int holds.
long answer_of(std::size_t shard) {
  return 3'000'000'000L * (static_cast<long>(shard) - 1);
}

/// Nobody knows what a question may throw: it need not come from std::exception.
struct Refusal {
  std::size_t shard;
};

long question(std::size_t shard) {
  require(shard < asked.times.size(), "there is no shard {}", shard);
  require(&Executor::current() == asked.executors[shard],
          "question({}) ran on the executor of another shard", shard);
  ++asked.times[shard];
  if (asked.throws[shard] && shard % 2 == 0) throw Refusal{shard};
  if (asked.throws[shard]) throw std::out_of_range("shard " + std::to_string(shard));
  return answer_of(shard);
}

/// refused   what came out is no std::exception.
void expect_outcome(long sum, const std::string& thrown, bool refused) {
  const std::size_t count = asked.times.size();
  long expected = 0;
  std::string first;
  for (std::size_t shard = 0; shard < count; ++shard) {
    require(asked.times[shard] == 1, "ask_all() came back{}, and shard {} of {} was asked {} times",
            refused ? " with what a question threw, which is no std::exception" : "", shard, count,
            asked.times[shard]);
    expected += answer_of(shard);
    if (asked.throws[shard] && first.empty()) first = "shard " + std::to_string(shard);
  }
  require(thrown == first, "of the exceptions `{}` came out of ask_all(), and not `{}`",
          thrown.empty() ? "none" : thrown, first.empty() ? "none" : first);
  require(!thrown.empty() || sum == expected, "the sum is {}, and the answers add up to {}", sum,
          expected);
}

Task<> member(Shards& shards, std::size_t number, long (*ask_for)(std::size_t)) {
  asked.executors[number] = &Executor::current();
  Result<ShardLink> link = co_await shards.join(number);
  require(link.has_value(), "a shard could not join");
  if (number == asked.asker) {
    long sum = 0;
    std::string thrown;
    bool refused = false;
    try {
      sum = co_await ask_all(*link, ask_for);
    } catch (const Refusal& refusal) {
      thrown = "shard " + std::to_string(refusal.shard);
      refused = true;
    } catch (const std::out_of_range& error) {
      thrown = error.what();
    } catch (const std::exception& error) {
      thrown = std::string("another one, of the words ") + error.what();
    }
    require(&Executor::current() == asked.executors[number],
            "ask_all() came back on another executor");
    expect_outcome(sum, thrown, refused);
  }
  co_await link->leave();
}

void ask(std::size_t count, std::size_t capacity, long (*ask_for)(std::size_t) = question) {
  asked.executors.assign(count, nullptr);
  asked.times.assign(count, 0);
  Shards shards(count, capacity);
  checks::stay_on_one_cpu();
  std::vector<std::thread> threads;
  for (std::size_t number = 0; number < count; ++number)
    threads.emplace_back([&shards, number, ask_for] {
      Executor executor({.ring = {.entries = 8}});
      executor.run(member(shards, number, ask_for));
    });
  for (std::thread& one : threads) one.join();
}

/// Waits on its thread until the questions of all others have begun.
long waits_for_the_others(std::size_t shard) {
  const long answer = question(shard);
  if (shard == asked.asker) return answer;  // the asker's thread must go on to ask
  const auto all_begun = [] {
    for (std::size_t other = 0; other < asked.times.size(); ++other)
      if (other != asked.asker && asked.times[other] == 0) return false;
    return true;
  };
  for (int i = 0; i < 5'000 && !all_begun(); ++i) std::this_thread::yield();
  require(all_begun(),
          "question({}) is under way, and meanwhile others are not asked: all are to be "
          "asked before the first answer is waited for",
          shard);
  return answer;
}

}  // namespace

PERCORE_CHECK("", each_shard_is_asked, "N5",
              "the function runs on the executor asked for, and its value comes back", a_call) {
  run.waits_for("the answers of all shards");
  const std::size_t count = run.chance(3) ? run.size(9, 12) : run.size(1, 4);
  asked = {};
  asked.asker = run.random(count);
  asked.throws.assign(count, false);
  ask(count, 1 + run.random(3));
}

PERCORE_CHECK("", exceptions_come_back, "N5", "an exception comes back, when all have answered",
              a_call) {
  run.waits_for("the answers of all shards");
  const std::size_t count = run.size(1, 4);
  asked = {};
  asked.asker = run.random(count);
  for (std::size_t i = 0; i < count; ++i) asked.throws.push_back(run.chance(50));
  ask(count, 1 + run.random(3));
}

PERCORE_CHECK("", all_at_the_same_time, "N6", "calls to several shards are on their way at once",
              a_call, .seeds = 60) {
  run.waits_for("the answers of all shards");
  const std::size_t count = run.size(2, 4);
  asked = {};
  asked.asker = run.random(count);
  asked.throws.assign(count, false);
  ask(count, 1, waits_for_the_others);
}
