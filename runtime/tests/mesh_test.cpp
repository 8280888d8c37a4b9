#include "death.hpp"
#include "on_executors.hpp"
#include "pause.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <ostream>
#include <percore/mesh.hpp>
#include <percore/sharded.hpp>
#include <percore/shards.hpp>
#include <percore/timer.hpp>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using namespace percore;
using percore::test::pause;

namespace {

// Each member sends its number to all, and adds up what comes.
Task<> all_to_all(Mesh<std::size_t> mesh, std::size_t number, std::size_t members,
                  std::vector<std::size_t>& sums) {
  if (number % 2 == 0) co_await pause(50'000);  // whatever order they come in
  auto joined = co_await mesh.join(number);
  REQUIRE(joined.has_value());
  MeshMember<std::size_t>& member = *joined;
  CHECK(member.number() == number);
  CHECK(member.members() == members);
  CHECK_FALSE(member.sends_to(number));
  for (std::size_t to = 0; to < members; ++to) {
    if (to == number) continue;
    const auto sent = co_await member.sender(to).send(number + 1);
    CHECK(sent.has_value());
  }
  for (std::size_t from = 0; from < members; ++from) {
    if (from == number) continue;
    const auto got = co_await member.receiver(from).receive();
    REQUIRE(got.has_value());
    CHECK(*got == from + 1);
    sums[number] += *got;
  }
}

Task<> partial(Mesh<int> mesh, std::size_t number) {
  const MeshRole roles[] = {MeshRole::sends, MeshRole::receives, MeshRole::both};
  auto joined = co_await mesh.join(number, roles[number]);
  REQUIRE(joined.has_value());
  const bool sends_to[3][3] = {{false, true, true}, {false, false, false}, {false, true, false}};
  for (std::size_t other = 0; other < 3; ++other) {
    CHECK(joined->sends_to(other) == sends_to[number][other]);
    CHECK(joined->receives_from(other) == sends_to[other][number]);
  }
  for (std::size_t other = 0; other < 3; ++other) {
    if (!joined->sends_to(other)) continue;
    const auto sent = co_await joined->sender(other).send(static_cast<int>(10 * number + other));
    CHECK(sent.has_value());
  }
  for (std::size_t other = 0; other < 3; ++other) {
    if (!joined->receives_from(other)) continue;
    const auto got = co_await joined->receiver(other).receive();
    CHECK(got == static_cast<int>(10 * other + number));
  }
}

Task<> one_fails(Mesh<int> mesh, std::size_t number, std::atomic<int>& told) {
  if (number == 2) {
    co_await pause(100'000);
    mesh.fail();
    co_return;
  }
  if (number == 1) co_await pause(200'000);  // comes when it is known already
  const auto joined = co_await mesh.join(number);
  if (!joined && joined.error() == std::errc::operation_canceled) ++told;
}

Task<> joins_in_vain(Mesh<int> mesh, std::size_t number, std::atomic<int>& told) {
  const auto joined = co_await mesh.join(number);
  if (!joined && joined.error() == std::errc::operation_canceled) ++told;
}

Task<> goes_while_it_waits(Mesh<int> mesh, std::size_t number, std::atomic<int>& told,
                           std::atomic<bool>& gone) {
  if (number == 0) {
    spawn(joins_in_vain(mesh, number, told)).detach();
    co_return;  // and the executor ends
  }
  while (!gone) co_await pause(50'000);
  co_await joins_in_vain(mesh, number, told);
}

/// No more files while one lives: a doorbell cannot be made.
class NoMoreFiles {
 public:
  NoMoreFiles() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoMoreFiles() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

Task<bool> join_throws(Mesh<int> mesh, std::size_t number) {
  const NoMoreFiles none;
  try {
    co_await mesh.join(number);
  } catch (const std::system_error&) {
    co_return true;
  }
  co_return false;
}

Task<> waits_for_one_that_throws(Mesh<int> mesh, std::atomic<int>& told) {
  const bool thrown = co_await join_throws(mesh, 0);
  CHECK(thrown);
  co_await joins_in_vain(mesh, 1, told);
}

Task<> one_shard_fails(Shards& shards, std::size_t number, std::atomic<int>& told) {
  if (number == 1) {
    co_await pause(50'000);
    shards.fail();
    co_return;
  }
  const auto joined = co_await shards.join(number);
  if (!joined && joined.error() == std::errc::operation_canceled) ++told;
}

Task<int> later(int value) {
  co_await pause(10'000);
  co_return value;
}

Task<> calls_others(Shards& shards, std::size_t number, std::vector<std::thread::id>& threads) {
  threads[number] = std::this_thread::get_id();
  auto joined = co_await shards.join(number);
  REQUIRE(joined.has_value());
  ShardLink link = *joined;
  for (std::size_t to = 0; to < link.count(); ++to) {
    auto ask = [] { return std::this_thread::get_id(); };
    const auto ran_on = co_await link.submit_to(to, ask);
    CHECK(ran_on == threads[to]);
    auto make = [number] { return std::make_unique<std::size_t>(number); };
    const auto moved = co_await link.submit_to(to, std::move(make));
    CHECK(*moved == number);
    auto wait = [number] { return later(static_cast<int>(number)); };
    const int waited = co_await link.submit_to(to, wait);
    CHECK(waited == static_cast<int>(number));
    auto fail = [number] { throw std::runtime_error("of shard " + std::to_string(number)); };
    std::string caught;
    try {
      co_await link.submit_to(to, fail);
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    CHECK(caught == "of shard " + std::to_string(number));
  }
  co_await link.leave();
}

// More calls at once than may be on their way (N6).
Task<> many_calls(Shards& shards, std::size_t number, std::atomic<int>& answered) {
  auto joined = co_await shards.join(number);
  REQUIRE(joined.has_value());
  ShardLink link = *joined;
  std::vector<JoinHandle<int>> handles;
  for (int i = 0; i < 100; ++i) {
    auto twice = [i] { return 2 * i; };
    handles.push_back(spawn(link.submit_to(1 - number, twice)));
  }
  for (int i = 0; i < 100; ++i) {
    const int value = co_await handles[static_cast<std::size_t>(i)];
    CHECK(value == 2 * i);
    ++answered;
  }
  co_await link.leave();
}

// What the callee of too many calls sees.
struct UnderWay {
  std::atomic<int> now = 0, most = 0;
  std::atomic<std::uint64_t> looks = 0;  // of those that are held, one after the other
  std::atomic<bool> held = true;
};

Task<> is_held(UnderWay& calls) {
  const int now = ++calls.now;
  if (now > calls.most) calls.most = now;  // written by the callee's thread alone
  while (calls.held) {
    ++calls.looks;
    co_await pause(1'000);
  }
  --calls.now;
}

// All calls are asked for at once. Those that come are held there until the callee has looked round
// often: whoever else was on the way has come by then.
Task<> calls_too_often(Shards& shards, std::size_t number, std::size_t capacity, UnderWay& calls) {
  auto joined = co_await shards.join(number);
  REQUIRE(joined.has_value());
  ShardLink link = *joined;
  if (number == 0) {
    std::vector<JoinHandle<void>> handles;
    for (std::size_t i = 0; i < 5 * capacity; ++i) {
      auto ask = [&calls] { return is_held(calls); };
      handles.push_back(spawn(link.submit_to(1, ask)));
    }
    while (calls.now < static_cast<int>(capacity)) co_await pause(1'000);
    const std::uint64_t enough = calls.looks + 20 * capacity;
    while (calls.looks < enough) co_await pause(1'000);
    calls.held = false;
    for (auto& handle : handles) co_await handle;
  }
  co_await link.leave();
}

// The function belongs to its caller's thread, wherever it runs (N5).
struct Belongs {
  explicit Belongs(std::atomic<int>* wrong) : wrong_(wrong), thread_(std::this_thread::get_id()) {}
  Belongs(Belongs&& other) noexcept
      : wrong_(std::exchange(other.wrong_, nullptr)), thread_(other.thread_) {}
  Belongs(const Belongs&) = delete;
  Belongs& operator=(Belongs&&) = delete;
  Belongs& operator=(const Belongs&) = delete;
  ~Belongs() {
    if (wrong_ != nullptr && std::this_thread::get_id() != thread_) ++*wrong_;
  }
  int operator()() { return 7; }

 private:
  std::atomic<int>* wrong_;
  std::thread::id thread_;
};

Task<> destroys_at_home(Shards& shards, std::size_t number, std::atomic<int>& wrong) {
  auto joined = co_await shards.join(number);
  REQUIRE(joined.has_value());
  ShardLink link = *joined;
  Belongs function(&wrong);
  const int seven = co_await link.submit_to(1 - number, std::move(function));
  CHECK(seven == 7);
  co_await link.leave();
}

// What a function gives belongs there, too. Copies do; one that was moved from belongs to nobody.
class Value {
 public:
  Value(std::atomic<int>& wrong, std::atomic<int>& right, std::thread::id home)
      : wrong_(&wrong), right_(&right), home_(home) {}
  Value(const Value&) = default;
  Value(Value&& other) noexcept
      : wrong_(std::exchange(other.wrong_, nullptr)), right_(other.right_), home_(other.home_) {}
  Value& operator=(Value&&) = delete;
  Value& operator=(const Value&) = delete;
  ~Value() {
    if (wrong_ != nullptr) ++*(std::this_thread::get_id() == home_ ? right_ : wrong_);
  }

 private:
  std::atomic<int>* wrong_;  // null: moved from
  std::atomic<int>* right_;
  std::thread::id home_;
};

Task<Value> value_later(std::atomic<int>& wrong, std::atomic<int>& right, std::thread::id home) {
  co_await pause(10'000);
  co_return Value(wrong, right, home);
}

Task<> gets_values(Shards& shards, std::size_t number, std::atomic<int>& wrong,
                   std::atomic<int>& right) {
  auto joined = co_await shards.join(number);
  REQUIRE(joined.has_value());
  ShardLink link = *joined;
  const auto home = std::this_thread::get_id();
  auto at_once = [&wrong, &right, home] { return Value(wrong, right, home); };
  auto later_on = [&wrong, &right, home] { return value_later(wrong, right, home); };
  {
    const Value now = co_await link.submit_to(1 - number, at_once);
    const Value then = co_await link.submit_to(1 - number, later_on);
  }
  // Nobody looks at this one.
  static_cast<void>(co_await link.submit_to(1 - number, at_once));
  co_await link.leave();
}

// One ends without leaving, while the other calls it: the caller is told, and nobody hangs.
Task<> goes_away(Shards& shards, std::size_t number, std::atomic<bool>& told) {
  auto joined = co_await shards.join(number);
  REQUIRE(joined.has_value());
  if (number == 0) co_return;
  ShardLink link = *joined;
  auto nothing = [] {};
  for (int i = 0; i < 100'000 && !told; ++i) {
    try {
      co_await link.submit_to(0, nothing);
    } catch (const std::system_error& error) {
      CHECK(error.code() == std::errc::broken_pipe);
      told = true;
    }
    if (i % 16 == 0) co_await pause(10'000);
  }
}

// What a call and the executor that it came from have done so far.
struct Detached {
  std::atomic<bool> called = false;
  std::atomic<bool> root_over = false;
  std::atomic<bool> executor_over = false;
  std::atomic<bool> answered = false;
  std::atomic<bool> outlived = false;  // the function went on when its caller's frame had gone
};

// On the callee's executor: long enough for the caller's to end, if it does not wait.
Task<> outlasts_its_caller(Detached& call) {
  call.called = true;
  while (!call.root_over) co_await pause(1'000);
  for (int i = 0; i < 100; ++i) {
    co_await pause(10'000);
    if (call.executor_over) call.outlived = true;
  }
}

Task<> asks_detached(ShardLink link, Detached& call) {
  auto function = [&call] { return outlasts_its_caller(call); };
  co_await link.submit_to(1, function);
  call.answered = true;
}

Task<> ends_before_its_call(Shards& shards, std::size_t number, Detached& call) {
  auto joined = co_await shards.join(number);
  REQUIRE(joined.has_value());
  if (number == 1) {
    while (!call.answered && !call.executor_over) {
      co_await pause(10'000);
    }
    co_return;
  }
  spawn(asks_detached(*joined, call)).detach();
  while (!call.called) co_await pause(1'000);
  call.root_over = true;
}

// Each a programmer's mistake, in a process of its own.
Task<> joins_as_first(Mesh<int> mesh) {
  co_await mesh.join(0);
}
Task<> joins_twice() {
  Mesh<int> mesh(3, 1);
  auto first = spawn(joins_as_first(mesh));
  co_await yield();
  co_await mesh.join(0);
  co_await first;
}
Task<> joins_beyond() {
  Mesh<int> mesh(3, 1);
  co_await mesh.join(3);
}
Task<> sends_to_itself() {
  Mesh<int> mesh(1, 1);
  auto joined = co_await mesh.join(0);
  joined->sender(0);
}
Task<> receives_from_itself() {
  Mesh<int> mesh(1, 1);
  auto joined = co_await mesh.join(0);
  joined->receiver(0);
}

Task<> asks_without_a_part() {
  Shards shards(1, 1);
  const auto link = co_await shards.join(0);
  Sharded<int>(1).local(*link);
}
Task<> starts_twice() {
  Shards shards(1, 1);
  const auto link = co_await shards.join(0);
  Sharded<int> sharded(1);
  sharded.start(*link);
  sharded.start(*link);
}

Task<> asks_nobody() {
  Shards shards(1, 1);
  auto link = co_await shards.join(0);
  const auto nothing = [] {};
  co_await link->submit_to(1, nothing);
}
Task<> has_too_few_parts() {
  Shards shards(1, 1);
  const auto link = co_await shards.join(0);
  Sharded<int>(2).start(*link);
}

// A shard that goes, held between the end of its answers and that of its calls.
Task<> goes_half(Mesh<shards_detail::Call*> calls, Mesh<shards_detail::Call*> answers,
                 std::size_t number, std::atomic<bool>& half_gone, std::atomic<bool>& told) {
  auto of_calls = co_await calls.join(number);
  REQUIRE(of_calls.has_value());
  {
    auto of_answers = co_await answers.join(number);
    REQUIRE(of_answers.has_value());
    if (number == 1) {
      auto link =
          std::make_shared<shards_detail::Link>(std::move(*of_calls), std::move(*of_answers), 4);
      shards_detail::Link::serve(link);
      ShardLink shard(link);
      while (!half_gone) co_await pause(50'000);
      co_await pause(50'000);  // it has seen that no answers come
      auto nothing = [] {};
      try {
        co_await shard.submit_to(0, nothing);
      } catch (const std::system_error& error) {
        told = error.code() == std::errc::broken_pipe;
      }
      co_return;
    }
  }
  half_gone = true;
  while (!told) co_await pause(50'000);
}

struct ShardCounter {
  explicit ShardCounter(int begins) : value(begins), thread(std::this_thread::get_id()) {}
  ~ShardCounter() { CHECK(thread == std::this_thread::get_id()); }
  int add(int more) {
    CHECK(thread == std::this_thread::get_id());
    return value += more;
  }
  int value;
  std::thread::id thread;
};

Task<> uses_service(Shards& shards, Sharded<ShardCounter>& counters, std::size_t number) {
  auto joined = co_await shards.join(number);
  REQUIRE(joined.has_value());
  ShardLink link = *joined;
  counters.start(link, 100 * static_cast<int>(number));
  // All have started when each has answered.
  for (std::size_t to = 0; to < link.count(); ++to) {
    auto ready = [] {};
    co_await link.submit_to(to, ready);
  }
  for (std::size_t to = 0; to < link.count(); ++to) {
    auto add = [](ShardCounter& counter) { return counter.add(1); };
    const int value = co_await counters.invoke_on(link, to, add);
    CHECK(value > 100 * static_cast<int>(to));
  }
  co_await link.leave();
  CHECK(counters.local(link).value ==
        100 * static_cast<int>(number) + static_cast<int>(link.count()));
  counters.stop(link);
}

}  // namespace

TEST_CASE("a full mesh: every member reaches every other, in whatever order they join (N1, N2)") {
  for (const std::size_t members : {1U, 2U, 5U}) {
    CAPTURE(members);
    Mesh<std::size_t> mesh(members, 4);
    std::vector<std::size_t> sums(members);
    on_executors(members,
                 [&](std::size_t number) { return all_to_all(mesh, number, members, sums); });
    for (std::size_t number = 0; number < members; ++number)
      CHECK(sums[number] == members * (members + 1) / 2 - (number + 1));
  }
}

TEST_CASE("a partial mesh has the channels that its roles ask for, and no other (N2)") {
  Mesh<int> mesh(3, 1);
  on_executors(3, [&](std::size_t number) { return partial(mesh, number); });
}

TEST_CASE("a member that fails is told to those who wait and to those who come later (N3)") {
  Mesh<int> mesh(3, 1);
  std::atomic<int> told = 0;
  on_executors(3, [&](std::size_t number) { return one_fails(mesh, number, told); });
  CHECK(told == 2);
}

TEST_CASE("a member whose executor ends while it waits has failed: all others are told (N3)") {
  Mesh<int> mesh(2, 1);
  std::atomic<int> told = 0;
  std::atomic<bool> gone = false;
  on_executors(
      2, [&](std::size_t number) { return goes_while_it_waits(mesh, number, told, gone); },
      [&](std::size_t number) { gone = gone || number == 0; });
  CHECK(told == 2);
}

TEST_CASE("a join that throws has failed, and all others are told (N3)") {
  Mesh<int> mesh(2, 1);
  std::atomic<int> told = 0;
  on_executors(1, [&](std::size_t) { return waits_for_one_that_throws(mesh, told); });
  CHECK(told == 1);
}

TEST_CASE("shards are told of a failing one as the members of a mesh are (N3)") {
  Shards shards(2, 1);
  std::atomic<int> told = 0;
  on_executors(2, [&](std::size_t number) { return one_shard_fails(shards, number, told); });
  CHECK(told == 1);
}

TEST_CASE("a function runs on the shard asked for; its value or exception comes back (N5)") {
  Shards shards(3, 4);
  std::vector<std::thread::id> threads(3);
  on_executors(3, [&](std::size_t number) { return calls_others(shards, number, threads); });
}

TEST_CASE("more calls than may be on their way wait for their turn (N6)") {
  // Often: that an answer overtakes the room of its call takes another thread between two steps at
  // the end of a turn.
  for (int round = 0; round < 20; ++round) {
    Shards shards(2, 4);
    std::atomic<int> answered = 0;
    on_executors(2, [&](std::size_t number) { return many_calls(shards, number, answered); });
    CHECK(answered == 200);
  }
}

TEST_CASE("the callee has as many calls under way as may be on their way, and no more (N6)") {
  for (const std::size_t capacity : {1U, 4U}) {
    CAPTURE(capacity);
    Shards shards(2, capacity);
    UnderWay calls;
    on_executors(
        2, [&](std::size_t number) { return calls_too_often(shards, number, capacity, calls); });
    CHECK(calls.most.load() == static_cast<int>(capacity));
    CHECK(calls.now.load() == 0);
  }
}

TEST_CASE("a value is destroyed where its caller is (N5)") {
  Shards shards(2, 1);
  std::atomic<int> wrong = 0, right = 0;
  on_executors(2, [&](std::size_t number) { return gets_values(shards, number, wrong, right); });
  CHECK(wrong.load() == 0);
  CHECK(right.load() == 6);  // each of them three
}

TEST_CASE("a function is destroyed where its caller is (N5)") {
  Shards shards(2, 1);
  std::atomic<int> wrong = 0;
  on_executors(2, [&](std::size_t number) { return destroys_at_home(shards, number, wrong); });
  CHECK(wrong == 0);
}

TEST_CASE("a shard that goes without leaving: its callers are told, and nobody waits for ever") {
  Shards shards(2, 4);
  std::atomic<bool> told = false;
  on_executors(2, [&](std::size_t number) { return goes_away(shards, number, told); });
  CHECK(told);
}

TEST_CASE("a call to a shard that has closed its answers, and not yet its calls, is told") {
  Mesh<shards_detail::Call*> calls(2, 8);
  Mesh<shards_detail::Call*> answers(2, 8);
  std::atomic<bool> half_gone = false;
  std::atomic<bool> told = false;
  on_executors(
      2, [&](std::size_t number) { return goes_half(calls, answers, number, half_gone, told); });
  CHECK(told);
}

TEST_CASE("an executor does not end while another one's function may write into its frames (N5)") {
  Shards shards(2, 1);
  Detached call;
  on_executors(
      2, [&](std::size_t number) { return ends_before_its_call(shards, number, call); },
      [&](std::size_t number) { call.executor_over = call.executor_over || number == 0; });
  CHECK(call.answered);
  CHECK_FALSE(call.outlived);
}

#if PERCORE_ALL_OURS
Task<> exits_after_a_sleep() {
  auto [sender, receiver] = shared_channel<int>(1);
  static_cast<void>(receiver.try_receive());             // its end is at the doorbell from here on
  static_cast<void>(co_await sleep_for(Time{500'000}));  // which has listened meanwhile
  std::exit(0);
}

TEST_CASE("a task may end the program, also where its executor has slept with a doorbell") {
  const test::Death end = test::death_of([] { Executor().run(exits_after_a_sleep()); });
  CHECK_FALSE(end.aborted);
  CHECK(end.words == "");
}
#endif

TEST_CASE("mistakes with a mesh end the program") {
  CHECK(test::death_of([] { Executor().run(joins_twice()); }).has_a_sentence("number of its own"));
  CHECK(test::death_of([] { Executor().run(joins_beyond()); }).has_a_sentence("number of its own"));
  CHECK(test::death_of([] { Executor().run(sends_to_itself()); }).has_a_sentence("no channel to"));
  CHECK(test::death_of([] {
          Executor().run(receives_from_itself());
        }).has_a_sentence("no channel from"));
  CHECK(test::death_of([] { Mesh<int>(0, 1); }).has_a_sentence("at least one member"));
  CHECK(test::death_of([] { Executor().run(asks_without_a_part()); }).has_a_sentence("no part"));
  CHECK(test::death_of([] { Executor().run(starts_twice()); }).has_a_sentence("started before"));
  CHECK(test::death_of([] { Executor().run(asks_nobody()); }).has_a_sentence("none of the Shards"));
  CHECK(test::death_of([] {
          Executor().run(has_too_few_parts());
        }).has_a_sentence("as many parts as there are shards"));
}

TEST_CASE("a sharded service: each part lives on its own executor") {
  Shards shards(3, 4);
  Sharded<ShardCounter> counters(3);
  on_executors(3, [&](std::size_t number) { return uses_service(shards, counters, number); });
}
