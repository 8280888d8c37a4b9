// Random programs on a ring alone. The model keeps what is in flight, what each slot of a file
// holds, which bytes a pipe was fed, and which operations somebody may have cancelled.

#include <liburing.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <percore/ring.hpp>
#include <percore/sim.hpp>
#include <vector>

#include "program.hpp"

namespace percore::test {

namespace {

constexpr unsigned slot_bytes = 48;
constexpr unsigned slots = 16;

enum class Kind : unsigned char {
  nop,
  write_slot,
  read_slot,
  read_pipe,
  timeout,
  cancel,
  fsync,
  poll_pipe,     // once
  poll_often,    // multishot: a completion each time that the pipe gets something
  link_timeout,  // of the read of the pipe before it
};

class RingModel;

struct Asked final : Operation {
  Asked(RingModel& its_model, Kind its_kind)
      : Operation(&Asked::completed), model(its_model), kind(its_kind) {}
  static void completed(Operation& self, std::int32_t result, std::uint32_t flags) noexcept;

  RingModel& model;
  Kind kind;
  bool may_be_cancelled = false;  // linked behind another, or somebody asked for it
  bool asks_again = false;        // its completion starts another one
  unsigned completions = 0;
  unsigned slot = 0;
  std::uint64_t name = 0;  // of the bytes it writes
  __kernel_timespec duration{};
  std::array<std::byte, slot_bytes> buffer{};
};

// One piece of the file; one operation at a time, so that its content is known.
struct Slot {
  std::array<std::byte, slot_bytes> content{};
  bool busy = false;
};

class RingModel {
 public:
  explicit RingModel(std::uint64_t seed) : dice_(seed) {
    expect(ftruncate(file_.fd(), slots * slot_bytes) == 0, "ftruncate failed");
  }

  void run() {
    const RingOptions options{.entries = 1u << dice_.below(6),
                              .completion_entries = dice_.percent(50) ? 0 : 1u << dice_.below(6)};
    {
      Ring ring(options);
      ring_ = &ring;
      const unsigned steps = dice_.between(10, 120);
      for (unsigned step = 0; step != steps; ++step) any_step();
      // Ours asks again for what starts late when it closes; a contract does not demand that.
      if (dice_.percent(50) || (may_start_late_ && PERCORE_ALL_OURS == 0)) settle();
      all_may_be_cancelled();  // whatever is left, the ring's end cancels
    }
    check_end();
  }

  void completed(Asked& asked, std::int32_t result, std::uint32_t flags) noexcept {
    ++handed_over_;
    if ((flags & IORING_CQE_F_MORE) != 0) {
      expect(asked.kind == Kind::poll_often && asked.in_flight(),
             "R4: an operation that has more to come does not count as in flight");
      return expect((result & POLLIN) != 0, "a poll reported another event");
    }
    --in_flight_;
    ++ended_;
    expect(++asked.completions == 1, "R3: an operation was completed twice");
    expect(!asked.in_flight(), "R4: an operation counts as in flight after its last completion");
    expect(flags == 0, "R3: a completion was handed over with flags that nobody set");
    check_result(asked, result);
    if (asked.asks_again) follow_up();
  }

 private:
  void any_step() {
    const unsigned draw = dice_.below(100);
    if (draw < 50) return start(any_kind());
    if (draw < 55) return start_chain();
    if (draw < 58) return start_guarded();
    if (draw < 66) return feed_pipe();
    if (draw < 80) return turn(Wait::no, Time::never());
    if (draw < 92)
      return turn(Wait::for_completion, now() + Time{static_cast<int>(dice_.below(60'000))});
    if (draw < 95) return settle();
    if (something_must_come()) turn(Wait::for_completion, Time::never());
  }

  Kind any_kind() {
    constexpr Kind kinds[] = {Kind::nop,        Kind::nop,       Kind::write_slot,
                              Kind::write_slot, Kind::read_slot, Kind::read_slot,
                              Kind::read_pipe,  Kind::timeout,   Kind::cancel};
    return kinds[dice_.below(std::size(kinds))];
  }

  Asked& make(Kind kind) {
    all_.push_back(std::make_unique<Asked>(*this, kind));
    return *all_.back();
  }

  // A slot in which nothing is under way, or none: then the operation becomes a nop.
  bool take_slot(Asked& asked) {
    asked.slot = dice_.below(slots);
    if (slots_[asked.slot].busy) return false;
    return slots_[asked.slot].busy = true;
  }

  void start(Kind kind, bool linked = false) {
    Asked& asked = make(kind);
    asked.asks_again = dice_.percent(10);
    Asked* const target = kind == Kind::cancel ? any_in_flight() : nullptr;
    const bool wants_slot = kind == Kind::write_slot || kind == Kind::read_slot;
    if ((wants_slot && !take_slot(asked)) || (kind == Kind::cancel && target == nullptr))
      asked.kind = Kind::nop;
    asked.name = all_.size();
    io_uring_sqe& entry = ring_->entry(asked);
    ++in_flight_;
    prepare(asked, entry, target);
    if (linked) entry.flags |= IOSQE_IO_LINK;
    check_counts();
  }

  void prepare(Asked& asked, io_uring_sqe& entry, Asked* target) {
    const std::uint64_t offset = asked.slot * slot_bytes;
    switch (asked.kind) {
      case Kind::nop:
        return io_uring_prep_nop(&entry);
      case Kind::write_slot:
        fill(asked.buffer, asked.name, 0);
        return io_uring_prep_write(&entry, file_.fd(), asked.buffer.data(), slot_bytes, offset);
      case Kind::read_slot:
        return io_uring_prep_read(&entry, file_.fd(), asked.buffer.data(), slot_bytes, offset);
      case Kind::read_pipe:
        return io_uring_prep_read(&entry, pipe_.reading(), asked.buffer.data(), slot_bytes, -1);
      case Kind::timeout:
        asked.duration.tv_nsec = dice_.percent(70) ? dice_.below(50'000) : 900'000'000;
        return io_uring_prep_timeout(&entry, &asked.duration, 0, 0);
      case Kind::cancel:
        target->may_be_cancelled = true;
        return io_uring_prep_cancel(&entry, target, 0);
      case Kind::fsync:
        return io_uring_prep_fsync(&entry, file_.fd(), 0);
      case Kind::poll_pipe:
        return io_uring_prep_poll_add(&entry, pipe_.reading(), POLLIN);
      case Kind::poll_often:
        return io_uring_prep_poll_multishot(&entry, pipe_.reading(), POLLIN);
      case Kind::link_timeout:
        asked.duration.tv_nsec = 1 + dice_.below(80'000);
        return io_uring_prep_link_timeout(&entry, &asked.duration, 0);
    }
  }

  // One submit for all of a chain, else its end would stand alone.
  void start_chain() {
    const unsigned length =
        std::min(dice_.between(2, 4), static_cast<unsigned>(ring_->native().sq.ring_entries));
    ring_->reserve(length);
    for (unsigned place = 0; place != length; ++place) {
      constexpr Kind kinds[] = {Kind::nop,        Kind::nop,       Kind::write_slot,
                                Kind::write_slot, Kind::read_slot, Kind::read_pipe};
      const Kind kind = kinds[dice_.below(std::size(kinds))];
      may_start_late_ = may_start_late_ || (kind == Kind::read_pipe && place != 0);
      start(kind, place + 1 != length);
      all_.back()->may_be_cancelled = place != 0;
    }
  }

  // A read of the pipe that is given some time.
  void start_guarded() {
    if (ring_->native().sq.ring_entries < 2) return;
    ring_->reserve(2);
    start(Kind::read_pipe, true);
    all_.back()->may_be_cancelled = true;
    start(Kind::link_timeout);
    all_.back()->may_be_cancelled = true;
  }

  // From inside a completion. The queue may be full, and the ring is collecting.
  void follow_up() {
    Asked& next = make(Kind::nop);
    io_uring_prep_nop(&ring_->entry(next));
    ++in_flight_;
    next.may_be_cancelled = ending_;
  }

  void feed_pipe() {
    std::array<std::byte, 100> bytes;
    const std::span<std::byte> some = std::span(bytes).first(dice_.between(1, 100));
    fill(some, pipe_name, fed_);
    if (fed_ - read_from_pipe_ > 2'000) return;  // it holds a page
    expect(write(pipe_.writing(), some.data(), some.size()) == static_cast<ssize_t>(some.size()),
           "a pipe with room took less than it was given");
    fed_ += some.size();
    for (const std::byte byte : some) ++fed_bytes_[static_cast<std::size_t>(byte)];
  }

  void turn(Wait wait, Time deadline) {
    const std::uint64_t before = handed_over_;
    const RingCounts counts = ring_->counts();
    const Time start = now();
    const unsigned returned = ring_->turn(wait, deadline);
    expect(returned == handed_over_ - before, "turn() returned another number than it handed over");
    // A completion that asks again may find the queue full, and then submits.
    if (ring_->counts().enters > counts.enters + 1)
      expect(followed_up_in_full_queue(), "R2: one turn made more than one io_uring_enter");
    const bool jumps = sim::options().clock_jumps_percent != 0;  // over any deadline
    if (wait == Wait::for_completion && deadline != Time::never() && now() > deadline &&
        start < deadline && !jumps)
      expect(now() - deadline < Time{1'000'000}, "a turn slept beyond its deadline");
    check_counts();
  }
  bool followed_up_in_full_queue() const {
    return std::any_of(all_.begin(), all_.end(),
                       [](const auto& asked) { return asked->asks_again; });
  }

  void check_counts() {
    expect(ring_->in_flight() == in_flight_, "R4: in_flight() differs from what was asked for");
    expect(ring_->counts().completions == handed_over_,
           "counts().completions differs from what was handed over");
    expect(ring_->counts().submitted + ring_->unsubmitted() == ended_ + in_flight_,
           "R1: what was asked for is neither submitted nor waiting to be");
  }

  bool something_must_come() const {
    return std::any_of(all_.begin(), all_.end(), [](const auto& asked) {
      // Not one behind a read of the pipe, and whatever was cancelled may have come already.
      const bool waits_for_the_pipe = asked->kind == Kind::read_pipe ||
                                      asked->kind == Kind::poll_pipe ||
                                      asked->kind == Kind::poll_often;
      return asked->in_flight() && !waits_for_the_pipe && !asked->may_be_cancelled;
    });
  }

  Asked* any_in_flight() {
    if (all_.size() < 2) return nullptr;
    for (unsigned attempt = 0; attempt != 8; ++attempt) {
      Asked* const found = all_[dice_.below(static_cast<unsigned>(all_.size() - 1))].get();
      if (found->in_flight() && found->kind != Kind::cancel) return found;
    }
    return nullptr;
  }

  void all_may_be_cancelled() {
    ending_ = true;
    for (const auto& asked : all_) asked->may_be_cancelled = true;
  }

  // Cancels all and waits for the last completion of each.
  void settle() {
    all_may_be_cancelled();
    const unsigned enters_wanted = in_flight_ == 0 ? 0 : 1;
    const std::uint64_t before = ring_->counts().enters;
    ring_->cancel_all();
    expect(ring_->counts().enters >= before + enters_wanted, "cancel_all() asked nobody");
    while (may_start_late_ && ring_->in_flight() != 0) {
      ring_->turn(Wait::for_completion, now() + Time{1'000'000});
      ring_->cancel_all();
    }
    ring_->drain();
    ending_ = false;
    expect(ring_->in_flight() == 0, "drain() returned with operations in flight");
    expect(in_flight_ == 0, "R3: drain() returned before an operation was completed");
    expect(ring_->unsubmitted() == 0, "R1: drain() left entries that were never submitted");
    // The cancel requests are the ring's own.
    handed_over_ = ring_->counts().completions;
    ended_ = ring_->counts().submitted;
  }

  void check_result(Asked& asked, std::int32_t result) {
    const bool passing = result == -EAGAIN || result == -EINTR;
    if (result == -ECANCELED) {
      expect(asked.may_be_cancelled, "an operation that nobody cancelled gave ECANCELED");
      if (asked.kind == Kind::write_slot || asked.kind == Kind::read_slot)
        slots_[asked.slot].busy = false;
      return;
    }
    switch (asked.kind) {
      case Kind::nop:
        return expect(result == 0, "a nop gave another result than 0");
      case Kind::write_slot:
        expect(passing || (result > 0 && result <= static_cast<int>(slot_bytes)),
               "a write to a file gave an impossible result");
        return end_write(asked, std::max(result, 0));
      case Kind::read_slot:
        expect(passing || (result > 0 && result <= static_cast<int>(slot_bytes)),
               "a read within a file gave an impossible result");
        return end_read(asked, std::max(result, 0));
      case Kind::read_pipe:
        expect(passing || (result > 0 && result <= static_cast<int>(slot_bytes)),
               "a read from an open pipe gave an impossible result");
        return end_pipe_read(asked, std::max(result, 0));
      case Kind::timeout:
        return expect(result == -ETIME, "a timeout gave neither ETIME nor ECANCELED");
      case Kind::fsync:
        return expect(passing || result == 0, "an fsync failed");
      case Kind::poll_pipe:
      case Kind::poll_often:
        return expect((result & POLLIN) != 0, "a poll reported another event");
      case Kind::link_timeout:
        // EINVAL: the kernel took the read, and the timeout only with the next submit.
        return expect(result == -ETIME || result == -ENOENT || result == -EALREADY ||
                          (result == -EINVAL && sim::options().short_submits_percent != 0),
                      "a link timeout gave an impossible result");
      case Kind::cancel:
        return expect(result == 0 || result == -ENOENT || result == -EALREADY,
                      "a cancel gave neither 0 nor ENOENT nor EALREADY");
    }
  }

  void end_write(const Asked& asked, std::int32_t bytes) {
    Slot& slot = slots_[asked.slot];
    std::copy_n(asked.buffer.begin(), bytes, slot.content.begin());
    slot.busy = false;
  }
  void end_read(const Asked& asked, std::int32_t bytes) {
    Slot& slot = slots_[asked.slot];
    expect(std::equal(asked.buffer.begin(), asked.buffer.begin() + bytes, slot.content.begin()),
           "a read gave other bytes than were written there");
    slot.busy = false;
  }
  void end_pipe_read(const Asked& asked, std::int32_t bytes) {
    for (std::int32_t i = 0; i != bytes; ++i)
      ++read_bytes_[static_cast<std::size_t>(asked.buffer[static_cast<std::size_t>(i)])];
    read_from_pipe_ += static_cast<std::uint64_t>(bytes);
  }

  void check_end() {
    for (const auto& asked : all_)
      expect(asked->completions == 1, "R6: the ring closed, and an operation never completed");
    expect(in_flight_ == 0, "R3: completions are missing");
    // Which read got which bytes is the kernel's affair; that each byte came once is not.
    while (read_from_pipe_ < fed_) {
      std::byte byte{};
      expect(read(pipe_.reading(), &byte, 1) == 1, "bytes of a pipe were lost");
      ++read_bytes_[static_cast<std::size_t>(byte)];
      ++read_from_pipe_;
    }
    expect(fed_bytes_ == read_bytes_, "what came out of a pipe is not what went in");
  }

  static constexpr std::uint64_t pipe_name = 1'000'003;

  Dice dice_;
  MemoryFile file_;
  SmallPipe pipe_;
  Ring* ring_ = nullptr;
  std::vector<std::unique_ptr<Asked>> all_;
  std::array<Slot, slots> slots_{};
  unsigned in_flight_ = 0;
  std::uint64_t handed_over_ = 0;  // completions
  std::uint64_t ended_ = 0;        // of these, the last ones
  bool ending_ = false;            // everything in flight may be cancelled
  bool may_start_late_ = false;    // a read of the pipe is linked behind something
  std::uint64_t fed_ = 0;
  std::uint64_t read_from_pipe_ = 0;
  std::array<std::uint32_t, 256> fed_bytes_{};
  std::array<std::uint32_t, 256> read_bytes_{};
};

void Asked::completed(Operation& self, std::int32_t result, std::uint32_t flags) noexcept {
  auto& asked = static_cast<Asked&>(self);
  asked.model.completed(asked, result, flags);
}

}  // namespace

void random_ring_program(std::uint64_t seed) {
  RingModel(seed).run();
}

}  // namespace percore::test
