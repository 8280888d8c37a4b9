// The seed: the same run twice, every kind of fault, scripted ones, and shrinking by suppression.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "fixture.hpp"

namespace percore::sim::test {

namespace {

struct Outcome {
  std::uint64_t hash;
  Counts counts;
  std::vector<OpenRing::Completion> completions;
};

// Fifty operations in batches, tolerant of everything that may pass by itself.
Outcome work(Options options) {
  const TemporaryFile file(std::string(4096, 'x'));  // open before the run and after it
  Run run(std::move(options));
  OpenRing ring(16);
  static char buffers[50][64];
  Outcome outcome{};
  unsigned queued = 0;
  while (outcome.completions.size() < 50) {
    while (queued < 50) {
      io_uring_sqe* const sqe = io_uring_get_sqe(&ring.ring);
      if (sqe == nullptr) break;
      if (queued % 3 == 0) {
        io_uring_prep_nop(sqe);
      } else {
        io_uring_prep_read(sqe, file.fd, buffers[queued], 64, 64 * queued);
      }
      io_uring_sqe_set_data64(sqe, queued++);
    }
    const int result = io_uring_submit_and_wait(&ring.ring, 1);
    const bool passes = result >= 0 || result == -EINTR || result == -EAGAIN || result == -EBUSY;
    REQUIRE(passes);
    for (const auto& one : ring.harvest()) outcome.completions.push_back(one);
  }
  ring.close();
  CHECK(run.broken.empty());
  CHECK(end());
  outcome.hash = trace_hash();
  outcome.counts = counts();
  return outcome;
}

}  // namespace

TEST_CASE("the same seed gives the same run, other seeds other runs") {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Outcome first = work(rough(seed)), second = work(rough(seed));
    CHECK(first.hash == second.hash);
    CHECK(first.completions == second.completions);
    hashes.insert(first.hash);
  }
  CHECK(hashes.size() == 100);
}

TEST_CASE("completions come in another order than submissions") {
  unsigned reordered = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Outcome outcome = work(slow(seed));
    const auto by_user_data = [](const auto& a, const auto& b) {
      return a.user_data < b.user_data;
    };
    reordered +=
        !std::is_sorted(outcome.completions.begin(), outcome.completions.end(), by_user_data);
  }
  CHECK(reordered == 20);
}

TEST_CASE("each kind of fault happens, and only the kind asked for") {
  const auto results = [](Options options) {
    std::multiset<int> found;
    for (const auto& one : work(std::move(options)).completions) found.insert(one.result);
    return found;
  };
  Options options = slow(3);
  options.again_results_percent = 50;
  CHECK(results(options).count(-EAGAIN) > 3);
  options = slow(3);
  options.interrupted_results_percent = 50;
  CHECK(results(options).count(-EINTR) > 3);
  options = slow(3);
  options.short_results_percent = 50;
  const auto lengths = results(options);
  CHECK(lengths.upper_bound(63) != lengths.upper_bound(0));
  options = slow(3);
  options.sq_entries_max = 2;
  options.cq_entries_max = 4;
  CHECK(work(options).counts.enters >= 25);
}

TEST_CASE("interrupted waits, refused and short submits") {
  const auto returned = [](Options options, auto matches) {
    work(std::move(options));
    const auto& events = record();
    return std::count_if(events.begin(), events.end(), [&](const Event& event) {
      return event.kind == Event::Kind::fault && matches(event.result);
    });
  };
  Options options = slow(5);
  options.interrupted_waits_percent = 60;
  CHECK(returned(options, [](int result) { return result == -EINTR; }) > 2);
  options = slow(5);
  options.refused_enters_percent = 60;
  CHECK(returned(options, [](int result) { return result == -EAGAIN || result == -EBUSY; }) > 2);
  options = slow(5);
  options.short_submits_percent = 60;
  CHECK(returned(options, [](int result) { return result > 0; }) > 2);
}

TEST_CASE("a scripted fault strikes its enter or its operation, once") {
  const Run run(plain());
  const TemporaryFile file("abcdefgh");
  OpenRing ring;
  script({.enter = 1, .result = -EAGAIN});
  script({.enter = 2, .entries_max = 1});
  script({.operation = 2, .bytes_max = 3});
  script({.operation = 3, .result = -EIO});
  char text[3][8];
  for (unsigned number = 1; number <= 3; ++number) ring.read(number, file.fd, text[number - 1], 8);
  CHECK(io_uring_submit(&ring.ring) == -EAGAIN);
  CHECK(io_uring_submit(&ring.ring) == 1);
  CHECK(io_uring_submit(&ring.ring) == 2);
  CHECK(ring.harvest() == std::vector<OpenRing::Completion>{{1, 8}, {2, 3}, {3, -EIO}});
  script({.enter = 4, .result = -EINTR});
  io_uring_cqe* cqe = nullptr;
  CHECK(io_uring_wait_cqe(&ring.ring, &cqe) == -EINTR);
  CHECK(cqe == nullptr);
}

TEST_CASE("a scripted delay orders completions") {
  const Run run(slow());
  OpenRing ring;
  for (unsigned number = 1; number <= 3; ++number) {
    script({.operation = number,
            .delay_nanoseconds = 10'000 * (4 - static_cast<std::int64_t>(number))});
    ring.entry(number);
  }
  CHECK(ring.wait(3) == std::vector<OpenRing::Completion>{{3, 0}, {2, 0}, {1, 0}});
}

TEST_CASE("suppressed faults do not happen, and a limit ends them") {
  Options options = slow(7);
  options.again_results_percent = 30;
  const auto failures = [](const Outcome& outcome) {
    return std::count_if(outcome.completions.begin(), outcome.completions.end(),
                         [](const auto& one) { return one.result == -EAGAIN; });
  };
  const auto all = failures(work(options));
  REQUIRE(all > 3);
  options.suppressed_faults = {2};
  CHECK(failures(work(options)) == all - 1);
  options.fault_limit = 2;
  CHECK(failures(work(options)) == 1);
  options.fault_limit = 0;
  CHECK(failures(work(options)) == 0);
}

TEST_CASE("the history tells of one operation in words") {
  const Run run(slow());
  const TemporaryFile file("abc");
  OpenRing ring;
  char text[3];
  ring.entry(5);
  ring.read(6, file.fd, text, 3);
  ring.wait(2);
  const std::string told = history(2);
  CHECK(told.find("submitted: IORING_OP_READ") != std::string::npos);
  CHECK(told.find("completion posted, result 3") != std::string::npos);
  CHECK(told.find("operation 1:") == std::string::npos);
  CHECK(counts().opcodes[IORING_OP_READ] == 1);
}

}  // namespace percore::sim::test
