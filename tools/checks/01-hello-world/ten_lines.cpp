// 01.3 ten_lines: what is in the file, and what it cost.

#include <liburing.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <percore/check.hpp>
#include <percore/sim.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

int write_lines(io_uring& ring, int fd, std::span<const std::string_view> lines);

namespace {

using percore::check::require;

constexpr const char* the_submission = "Lesson 01, *The submission*";
constexpr const char* the_harvest = "Lesson 01, *The harvest*";

/// Lines of many lengths, each telling its number.
std::vector<std::string> make_lines(percore::check::Run& run, unsigned count) {
  std::vector<std::string> lines;
  for (unsigned i = 0; i < count; ++i) {
    lines.push_back("line " + std::to_string(i) + " " +
                    std::string(run.random(40), static_cast<char>('a' + i % 26)) + "\n");
  }
  return lines;
}

std::vector<std::string_view> views(const std::vector<std::string>& lines) {
  return {lines.begin(), lines.end()};
}

/// A ring and an empty file of the learner's own.
struct Place {
  explicit Place(unsigned entries) {
    require(io_uring_queue_init(entries, &ring, 0) == 0, "the simulated kernel gave no ring");
    file = memfd_create("lines", MFD_CLOEXEC);
    require(file >= 0, "no file could be made: {}", std::strerror(errno));
  }
  ~Place() {
    io_uring_queue_exit(&ring);
    close(file);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  io_uring ring{};
  int file = -1;
};

std::string contents(int file) {
  struct stat status{};
  fstat(file, &status);
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  const ssize_t size = pread(file, bytes.data(), bytes.size(), 0);
  require(size == static_cast<ssize_t>(bytes.size()), "the file could not be read back");
  return bytes;
}

std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 24)) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\0') {
      out += "\\0";
    } else {
      out += c;
    }
  }
  return out;
}

/// What the writes themselves tell about a file that came out wrong.
const char* reason() {
  unsigned at_position = 0;
  for (const auto& event : percore::sim::record()) {
    const bool write = event.opcode == IORING_OP_WRITE || event.opcode == IORING_OP_WRITEV;
    if (event.kind == percore::sim::Event::Kind::submitted && write) {
      at_position += event.offset == ~std::uint64_t{0};
    }
  }
  return at_position > 1 ? ": several writes went to the current position, in whatever order the "
                           "kernel took them; give each its offset"
                         : "";
}

void compare(const std::string& got, const std::vector<std::string>& lines) {
  std::string wanted;
  for (const std::string& line : lines) wanted += line;
  std::size_t at = 0;
  while (at < got.size() && at < wanted.size() && got[at] == wanted[at]) ++at;
  if (at == got.size() && at == wanted.size()) return;
  std::size_t line = 0;
  for (std::size_t end = 0; line < lines.size(); ++line) {
    end += lines[line].size();
    if (at < end) break;
  }
  percore::check::fail(
      "the file holds {} bytes of {}, and from byte {} (line {}) it reads \"{}\" instead of "
      "\"{}\"{}",
      got.size(), wanted.size(), at, line,
      shown(std::string_view(got).substr(std::min(at, got.size()))),
      shown(std::string_view(wanted).substr(std::min(at, wanted.size()))), reason());
}

}  // namespace

PERCORE_CHECK("", the_file_holds_the_lines, "I6", "the file holds the lines in their order",
              the_submission, .seeds = 100, .faults = false) {
  Place place(32);
  const auto lines = make_lines(run, run.seed() == 0 ? 10 : run.size(1, 32));
  run.waits_for("the completions of the writes");
  percore::sim::set_enter_budget(200);
  const int result = write_lines(place.ring, place.file, views(lines));
  require(result == 0, "no write fell short or failed, and write_lines() returned {}", result);
  if (const unsigned left = io_uring_cq_ready(&place.ring); left != 0) {
    percore::check::fail_with(
        "I2", the_harvest,
        percore::check::say(
            "write_lines() came back and left {} completions in the queue: their places "
            "were not given back (io_uring_cq_advance)",
            left));
  }
  compare(contents(place.file), lines);
}

PERCORE_CHECK("", one_enter_carries_all, "I6", "one enter carries everything there is to carry",
              the_submission, .seeds = 30, .faults = false) {
  Place place(16);
  const auto lines = make_lines(run, run.seed() == 0 ? 10 : run.size(1, 16));
  run.waits_for("the completions of the writes");
  const int result = write_lines(place.ring, place.file, views(lines));
  require(result == 0, "no write fell short or failed, and write_lines() returned {}", result);
  const auto counts = percore::sim::counts();
  require(counts.enters == 1,
          "{} lines were written with {} enters: fill in all entries, then one "
          "io_uring_submit_and_wait() for all of them",
          lines.size(), counts.enters);
  require(counts.submitted == lines.size(), "{} lines that went whole took {} entries",
          lines.size(), counts.submitted);
}

PERCORE_CHECK("", the_rest_of_a_short_write_follows, "I5",
              "a short write is an ordinary answer: the rest follows", the_harvest, .seeds = 200,
              .faults = false) {
  auto options = run.options();
  options.short_results_percent = 20 + static_cast<unsigned>(run.random(60));
  run.restart(options);
  Place place(32);
  const auto lines = make_lines(run, run.size(1, 20));
  run.waits_for("the completions of the writes, of which some fall short");
  percore::sim::set_enter_budget(3000);
  const int result = write_lines(place.ring, place.file, views(lines));
  require(
      result == 0, "some writes fell short, which is no error, and write_lines() returned {}{}",
      result,
      result == -ECANCELED
          ? " (ECANCELED): a short write breaks a link, and what was linked behind it is cancelled"
          : "");
  compare(contents(place.file), lines);
}

PERCORE_CHECK("", what_passes_by_itself_is_asked_again, "I5",
              "-EINTR and -EAGAIN pass by themselves: ask again", the_harvest) {
  auto options = run.options();
  if (run.seed() >= 4) {
    options.again_results_percent = 10 + static_cast<unsigned>(run.random(20));
    options.interrupted_results_percent = 10 + static_cast<unsigned>(run.random(20));
    options.interrupted_waits_percent = 20;
  }
  options.sq_entries_max = 0;
  options.cq_entries_max = 0;
  run.restart(options);
  Place place(32);
  const auto lines = make_lines(run, run.size(1, 20));
  if (run.seed() % 3 == 1) percore::sim::script({.enter = 1, .result = -EBUSY});
  run.waits_for("the completions of the writes, some of which are asked for again");
  percore::sim::set_enter_budget(5000);
  const int result = write_lines(place.ring, place.file, views(lines));
  require(result == 0,
          "everything that went wrong passes by itself, and write_lines() returned {} ({})", result,
          result < 0 ? strerrorname_np(-result) : "no error");
  compare(contents(place.file), lines);
}

PERCORE_CHECK("", a_small_queue_loses_nothing, "I4", "nothing is dropped because the queue is full",
              the_submission, .seeds = 100) {
  auto options = run.options();
  options.sq_entries_max = 4;
  options.cq_entries_max = 8;
  run.restart(options);
  Place place(4);
  const auto lines = make_lines(run, run.size(5, 30));
  run.waits_for("the completions of more writes than the queue has places");
  percore::sim::set_enter_budget(5000);
  const int result = write_lines(place.ring, place.file, views(lines));
  require(result == 0, "{} lines were to go through a queue of 4, and write_lines() returned {}",
          lines.size(), result);
  compare(contents(place.file), lines);
}

PERCORE_CHECK("", an_error_is_told, "I5", "a negative result is an error and is returned as it is",
              the_harvest, .seeds = 80, .faults = false) {
  auto options = run.options();
  if (run.seed() >= 4) options.interrupted_waits_percent = options.short_submits_percent = 40;
  run.restart(options);
  Place place(32);
  const auto lines = make_lines(run, run.size(2, 12));
  constexpr int errors[] = {-ENOSPC, -EIO, -EFBIG};
  const int error = errors[run.random(3)];
  percore::sim::script({.operation = 1 + run.random(lines.size()), .result = error});
  run.waits_for("the completions of the writes, of which one fails");
  percore::sim::set_enter_budget(500);
  errno = 0;
  const int result = write_lines(place.ring, place.file, views(lines));
  require(
      result == error,
      "a write failed with {} and write_lines() returned {}; the error is in res, errno is not set",
      strerrorname_np(-error), result);
  require(percore::sim::counts().in_flight == 0,
          "write_lines() returned an error with {} writes still in flight: their "
          "buffers are the caller's, who may free them now",
          percore::sim::counts().in_flight);
  require(io_uring_cq_ready(&place.ring) == 0,
          "write_lines() returned an error and left {} completions in the queue",
          io_uring_cq_ready(&place.ring));
  const int after = write_lines(place.ring, -1, views(lines));
  require(after == -EBADF,
          "the descriptor -1 is not open, and write_lines() returned {} instead of -EBADF", after);
}

PERCORE_CHECK("", no_lines_no_enter, "I6", "one enter carries everything there is to carry",
              the_submission, .seeds = 1, .faults = false) {
  Place place(8);
  percore::sim::set_enter_budget(10);
  run.waits_for("nothing: there are no lines");
  const int result = write_lines(place.ring, place.file, {});
  require(result == 0, "there was nothing to write and write_lines() returned {}", result);
  require(contents(place.file).empty(), "there was nothing to write and the file is not empty");
}

PERCORE_ORACLE(too_many_enters, "I6", "one enter carries everything there is to carry",
               "Lesson 01, *The submission*");
PERCORE_ORACLE(user_data_unset, "I1", "an entry is written before it is submitted, its name too",
               "Lesson 01, *The submission*");
PERCORE_ORACLE(entry_changed, "I1",
               "an entry is written before it is submitted, and not touched after",
               "Lesson 01, *The submission*");
PERCORE_ORACLE(never_submitted, "I6", "what a submit did not take is still to be submitted",
               "Lesson 01, *The submission*");
PERCORE_ORACLE(sleeps_for_ever, "I6", "what is waited for has been submitted",
               "Lesson 01, *The submission*");
PERCORE_ORACLE(never_harvested, "I2", "each completion is taken once, and its place given back",
               "Lesson 01, *The harvest*");
PERCORE_ORACLE(head_past_tail, "I2", "each completion is taken once, and its place given back",
               "Lesson 01, *The harvest*");
PERCORE_ORACLE(completion_released, "I2", "each completion is taken once, and its place given back",
               "Lesson 01, *The harvest*");
PERCORE_ORACLE(never_completed, "I3", "what an operation uses lives until its last completion",
               "Lesson 01, *The buffer's life*");
PERCORE_ORACLE(buffer_freed, "I3",
               "what an operation uses lives, unchanged, until its last completion",
               "Lesson 01, *The buffer's life*");
PERCORE_ORACLE(buffer_dead, "I3",
               "what an operation uses lives, unchanged, until its last completion",
               "Lesson 01, *The buffer's life*");
PERCORE_ORACLE(buffer_changed, "I3",
               "what an operation uses lives, unchanged, until its last completion",
               "Lesson 01, *The buffer's life*");
