// A script: batches of linked and unlinked operations on a file, a full pipe and an empty one. Each
// operation has its own piece of the file and its own buffer, so that the result does not depend on
// the order of completion.

#include "fidelity_script.hpp"

#include <fcntl.h>
#include <liburing.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace {

struct Random {
  std::uint64_t state;
  unsigned below(unsigned bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<unsigned>((state >> 33) % bound);
  }
};

enum class Kind {
  nop,
  read,
  write,
  read_short,
  read_bad,
  read_pipe,
  timeout,
  refused,
  link_timeout,
  cancel,
  remove
};

struct Operation {
  Kind kind = Kind::nop;
  unsigned flags = 0;
  unsigned chain = 0;   // operations of one chain share a number
  unsigned target = 0;  // of a cancel or a removal: an operation of an earlier batch
  bool targeted = false;
  bool done = false;
  int result = 0;
  unsigned order = 0;  // of its completion
  char buffer[32] = {};
};

constexpr unsigned piece_bytes = 32;

class Script {
 public:
  explicit Script(std::uint64_t seed) : random_{seed * 2654435761u + 1} {
    const unsigned flags =
        random_.below(2) == 0 ? 0 : IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    if (io_uring_queue_init(32, &ring_, flags) != 0) std::abort();
    file_ = memfd_create("fidelity", 0);
    if (file_ < 0 || ftruncate(file_, 64 * piece_bytes) != 0 || pipe(pipe_) != 0) std::abort();
  }
  ~Script() {
    io_uring_queue_exit(&ring_);
    close(file_), close(pipe_[0]), close(pipe_[1]);
  }

  void run() {
    const unsigned batches = 2 + random_.below(3);
    for (unsigned batch = 0; batch != batches; ++batch) run_batch();
    cancel_the_rest();
    print();
  }

 private:
  // Parked reads and long timeouts stay in flight for later batches to cancel.
  static bool lingers(Kind kind) { return kind == Kind::read_pipe || kind == Kind::timeout; }

  Operation& add(Kind kind) {
    operations_.push_back(std::make_unique<Operation>());
    operations_.back()->kind = kind;
    return *operations_.back();
  }

  void run_batch() {
    const unsigned first = static_cast<unsigned>(operations_.size());
    const unsigned wanted = 3 + random_.below(8);
    while (operations_.size() < first + wanted) add_chain();
    for (unsigned index = first; index != operations_.size(); ++index) prepare(index);
    submit_all();
    for (unsigned index = first; index != operations_.size(); ++index) {
      Operation& operation = *operations_[index];
      if (!waits_long(index)) wait_for(index);
      if (operation.kind == Kind::cancel || operation.kind == Kind::remove)
        wait_for(operation.target);
    }
  }

  // Not before somebody cancels it, or an operation ahead of it in its chain.
  bool waits_long(unsigned index) const {
    for (unsigned at = index;; --at) {
      if (operations_[at]->chain != operations_[index]->chain) return false;
      const bool guarded = at + 1 < operations_.size() &&
                           operations_[at + 1]->kind == Kind::link_timeout &&
                           operations_[at + 1]->chain == operations_[at]->chain;
      if (lingers(operations_[at]->kind) && !guarded) return true;
      if (at == 0) return false;
    }
  }

  void add_chain() {
    const unsigned length = random_.below(3) == 0 ? 2 + random_.below(3) : 1;
    const bool hard = random_.below(4) == 0;
    ++chains_;
    for (unsigned place = 0; place != length; ++place) {
      Operation& operation = add(length == 1 ? any_kind() : chained_kind());
      operation.chain = chains_;
      if (place + 1 != length) operation.flags |= hard ? IOSQE_IO_HARDLINK : IOSQE_IO_LINK;
      if (operation.kind == Kind::cancel || operation.kind == Kind::remove)
        choose_target(operation);
      if (length == 1 && operation.kind == Kind::read_pipe && random_.below(2) == 0) {
        operation.flags |= IOSQE_IO_LINK;
        add(Kind::link_timeout).chain = chains_;
      }
    }
  }

  Kind chained_kind() {
    constexpr Kind kinds[] = {Kind::nop,        Kind::read,     Kind::write,
                              Kind::read_short, Kind::read_bad, Kind::refused};
    return kinds[random_.below(random_.below(3) == 0 ? 6 : 3)];
  }
  Kind any_kind() {
    constexpr Kind kinds[] = {Kind::nop,      Kind::read,      Kind::write,   Kind::read_short,
                              Kind::read_bad, Kind::read_pipe, Kind::timeout, Kind::cancel,
                              Kind::remove,   Kind::refused};
    return kinds[random_.below(10)];
  }

  // One that lingers since an earlier batch and that nobody has asked to cancel; else the request
  // becomes a nop.
  void choose_target(Operation& request) {
    const Kind wanted =
        request.kind == Kind::cancel && random_.below(2) == 0 ? Kind::read_pipe : Kind::timeout;
    for (unsigned index = 0; index + 1 < operations_.size(); ++index) {
      Operation& target = *operations_[index];
      if (target.kind != wanted || target.done || target.targeted || target.flags != 0 ||
          !submitted(index))
        continue;
      target.targeted = true;
      request.target = index;
      return;
    }
    request.kind = Kind::nop;
  }
  bool submitted(unsigned index) const { return index < submitted_; }

  void prepare(unsigned index) {
    Operation& operation = *operations_[index];
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
    if (sqe == nullptr) std::abort();
    const std::uint64_t offset = index % 64 * piece_bytes;
    switch (operation.kind) {
      case Kind::nop:
        io_uring_prep_nop(sqe);
        break;
      case Kind::read:
        io_uring_prep_read(sqe, file_, operation.buffer, piece_bytes, offset);
        break;
      case Kind::write:
        std::memset(operation.buffer, static_cast<int>('a' + index % 26), piece_bytes);
        io_uring_prep_write(sqe, file_, operation.buffer, piece_bytes, offset);
        break;
      case Kind::read_short:
        io_uring_prep_read(sqe, file_, operation.buffer, piece_bytes, 64 * piece_bytes - 5);
        break;
      case Kind::read_bad:
        io_uring_prep_read(sqe, -1, operation.buffer, piece_bytes, 0);
        break;
      case Kind::read_pipe:
        io_uring_prep_read(sqe, pipe_[0], operation.buffer, piece_bytes, 0);
        break;
      case Kind::timeout:
        io_uring_prep_timeout(sqe, &long_time_, 0, 0);
        break;
      case Kind::link_timeout:
        io_uring_prep_link_timeout(sqe, &short_time_, 0);
        break;
      case Kind::refused:
        io_uring_prep_nop(sqe);
        sqe->opcode = 250;
        break;
      case Kind::cancel:
        io_uring_prep_cancel64(sqe, operation.target + 1, 0);
        break;
      case Kind::remove:
        io_uring_prep_timeout_remove(sqe, operation.target + 1, 0);
        break;
    }
    sqe->flags |= static_cast<std::uint8_t>(operation.flags);
    io_uring_sqe_set_data64(sqe, index + 1);
  }

  void submit_all() {
    while (io_uring_sq_ready(&ring_) != 0) {
      const int result = io_uring_submit(&ring_);
      if (result <= 0) {
        std::printf("! submit gave %d\n", result);
        return;
      }
    }
    submitted_ = static_cast<unsigned>(operations_.size());
  }

  void wait_for(unsigned index) {
    while (!operations_[index]->done) {
      io_uring_cqe* cqe = nullptr;
      const int result = io_uring_wait_cqe(&ring_, &cqe);
      if (result == -EINTR) continue;
      if (result != 0) {
        std::printf("! wait gave %d\n", result);
        std::exit(1);
      }
      take(*cqe);
      io_uring_cqe_seen(&ring_, cqe);
    }
  }

  void take(const io_uring_cqe& cqe) {
    if (cqe.user_data == 0 || cqe.user_data > operations_.size()) {
      std::printf("! a completion of nobody\n");
      std::exit(1);
    }
    Operation& operation = *operations_[cqe.user_data - 1];
    if (operation.done) std::printf("! operation %llu completed twice\n", cqe.user_data);
    operation.done = true;
    operation.result = cqe.res;
    operation.order = ++completed_;
  }

  void cancel_the_rest() {
    for (unsigned index = 0, end = submitted_; index != end; ++index) {
      if (operations_[index]->done || !lingers(operations_[index]->kind)) continue;
      Operation& request = add(Kind::cancel);
      request.chain = ++chains_;
      request.target = index;
      prepare(static_cast<unsigned>(operations_.size() - 1));
      submit_all();
      wait_for(static_cast<unsigned>(operations_.size() - 1));
      wait_for(index);
    }
    for (unsigned index = 0; index != operations_.size(); ++index) wait_for(index);
  }

  void print() const {
    for (unsigned index = 0; index != operations_.size(); ++index) {
      const Operation& operation = *operations_[index];
      std::printf("%u kind %d flags %u: %d", index, static_cast<int>(operation.kind),
                  operation.flags, operation.result);
      if (operation.kind == Kind::read && operation.result > 0)
        std::printf(" %.4s", operation.buffer);
      std::printf("\n");
      // The completions of a chain come in its order; a link timeout's may come before its
      // operation's.
      if (index == 0 || operations_[index - 1]->chain != operation.chain) continue;
      if (operation.kind != Kind::link_timeout && operations_[index - 1]->order > operation.order) {
        std::printf("! operation %u completed before the one it is linked behind\n", index);
      }
    }
  }

  Random random_;
  io_uring ring_{};
  int file_ = -1;
  int pipe_[2] = {-1, -1};
  __kernel_timespec long_time_{.tv_sec = 1000, .tv_nsec = 0};
  __kernel_timespec short_time_{.tv_sec = 0, .tv_nsec = 200'000};
  std::vector<std::unique_ptr<Operation>> operations_;
  unsigned submitted_ = 0, completed_ = 0, chains_ = 0;
};

}  // namespace

void run_fidelity_script(std::uint64_t seed) {
  Script(seed).run();
}
