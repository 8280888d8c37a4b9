// A script on sockets and pipes: one operation at a time, then a pause in which everything that it
// set off happens. Operations stay in flight over many steps: receives without data, multishots,
// polls, accepts. Printed after each step: whatever completed, in the order of submission.

#include <fcntl.h>
#include <liburing.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fidelity_script.hpp"

namespace {

struct Random {
  std::uint64_t state;
  unsigned below(unsigned bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<unsigned>((state >> 33) % bound);
  }
  bool one_in(unsigned bound) { return below(bound) == 0; }
  template <typename Value, std::size_t size>
  Value among(const Value (&values)[size]) {
    return values[below(size)];
  }
};

enum class Wire { local_stream, local_datagram, internet, pipe, count };
constexpr const char* wire_names[] = {"local stream", "local datagrams", "internet", "pipe"};

struct Channel {
  Wire wire = Wire::pipe;
  int ends[2] = {-1, -1};  // of a pipe: the reading one, the writing one
};

enum class Kind {
  send,
  receive,
  send_message,
  receive_message,
  receive_selected,
  receive_multishot,
  read,
  write,
  poll,
  poll_multishot,
  poll_remove,
  poll_update,
  accept,
  accept_multishot,
  connect,
  shutdown,
  cancel,
  cancel_end,
  send_zero_copy,
  provide,
  remove,
  count
};
constexpr const char* kind_names[] = {"send",
                                      "receive",
                                      "send_message",
                                      "receive_message",
                                      "receive_selected",
                                      "receive_multi",
                                      "read",
                                      "write",
                                      "poll",
                                      "poll_multishot",
                                      "poll_remove",
                                      "update",
                                      "accept",
                                      "accept_multishot",
                                      "connect",
                                      "shutdown",
                                      "cancel",
                                      "cancel_end",
                                      "send_zero_copy",
                                      "provide",
                                      "remove"};

struct Operation {
  Kind kind = Kind::send;
  int channel = -1, end = 0;
  unsigned size = 0;
  bool done = false;
  bool reads = false;  // occupies the reading direction of its end
  bool writes = false;
  bool notified = false;
  int told = -1;
  std::string words;
  std::vector<char> bytes;
  iovec parts[2] = {};
  msghdr header{};
  sockaddr_in address{};
  std::vector<std::string> news;  // what completed in this step
};

constexpr unsigned ring_group = 1, list_group = 2, buffer_count = 4, buffer_bytes = 16;
constexpr unsigned pause_nanoseconds = 300'000;

class SocketScript {
 public:
  explicit SocketScript(std::uint64_t seed) : random_{seed * 2654435761u + 17} {
    signal(SIGPIPE, SIG_IGN);  // a write to a closed pipe is an error here, not an end
    const unsigned flags =
        random_.one_in(2) ? 0 : IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    if (io_uring_queue_init(64, &ring_, flags) != 0) std::exit(3);
    make_listener();
    for (Channel& channel : channels_) make_channel(channel);
    make_buffers();
  }
  ~SocketScript() {
    io_uring_queue_exit(&ring_);
    for (const Channel& channel : channels_) {
      for (const int end : channel.ends) {
        if (end >= 0) close(end);
      }
    }
    for (const int fd : made_) close(fd);
    if (listener_ >= 0) close(listener_);
    std::free(shared_);
  }
  SocketScript(const SocketScript&) = delete;
  SocketScript& operator=(const SocketScript&) = delete;

  void run() {
    const unsigned steps = 8 + random_.below(16);
    for (unsigned step = 0; step != steps; ++step) {
      if (random_.one_in(12)) {
        close_an_end();
      } else if (random_.one_in(6)) {
        give_buffers_back();
      } else {
        take_step();
      }
      pause();
      print();
    }
    end();
  }

 private:
  void make_listener() {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address_;
    auto* const name = reinterpret_cast<sockaddr*>(&address_);
    if (bind(listener_, name, length) != 0 || listen(listener_, 64) != 0 ||
        getsockname(listener_, name, &length) != 0)
      std::exit(3);
  }

  void make_channel(Channel& channel) {
    channel.wire = static_cast<Wire>(random_.below(static_cast<unsigned>(Wire::count)));
    switch (channel.wire) {
      case Wire::pipe:
        if (pipe(channel.ends) != 0) std::exit(3);
        break;
      case Wire::internet:
        channel.ends[0] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(channel.ends[0], reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0)
          std::exit(3);
        channel.ends[1] = accept(listener_, nullptr, nullptr);
        break;
      default: {
        const int type = channel.wire == Wire::local_stream ? SOCK_STREAM : SOCK_DGRAM;
        if (socketpair(AF_UNIX, type, 0, channel.ends) != 0) std::exit(3);
      }
    }
    std::printf("channel %s\n", wire_names[static_cast<unsigned>(channel.wire)]);
  }

  void make_buffers() {
    shared_ = static_cast<io_uring_buf_ring*>(std::aligned_alloc(4096, 4096));
    std::memset(shared_, 0, 4096);
    io_uring_buf_ring_init(shared_);
    io_uring_buf_reg request{};
    request.ring_addr = reinterpret_cast<std::uint64_t>(shared_);
    request.ring_entries = buffer_count;
    request.bgid = ring_group;
    if (io_uring_register_buf_ring(&ring_, &request, 0) != 0) std::exit(3);
    for (unsigned number = 0; number != buffer_count; ++number) used_.push_back(number);
    give_buffers_back();
  }

  void give_buffers_back() {
    std::sort(used_.begin(), used_.end());
    for (unsigned place = 0; place != used_.size(); ++place) {
      io_uring_buf_ring_add(shared_, buffers_[used_[place]], buffer_bytes,
                            static_cast<unsigned short>(used_[place]),
                            io_uring_buf_ring_mask(buffer_count), static_cast<int>(place));
    }
    io_uring_buf_ring_advance(shared_, static_cast<int>(used_.size()));
    std::printf("%zu buffers back\n", used_.size());
    used_.clear();
  }

  bool busy(int channel, int end, bool reading) const {
    return std::any_of(operations_.begin(), operations_.end(), [&](const auto& operation) {
      return !operation->done && operation->channel == channel && operation->end == end &&
             (reading ? operation->reads : operation->writes);
    });
  }

  // Two that wait for the same bytes would race.
  void close_an_end() {
    const int channel = static_cast<int>(random_.below(channels_count));
    const int end = static_cast<int>(random_.below(2));
    int& fd = channels_[channel].ends[end];
    if (fd < 0) return;
    std::printf("close %d.%d\n", channel, end);
    close(fd);
    fd = -1;
  }

  Operation& add(Kind kind) {
    operations_.push_back(std::make_unique<Operation>());
    operations_.back()->kind = kind;
    return *operations_.back();
  }

  void take_step() {
    const Kind kind = static_cast<Kind>(random_.below(static_cast<unsigned>(Kind::count)));
    const int channel = static_cast<int>(random_.below(channels_count));
    const int end = static_cast<int>(random_.below(2));
    const Operation* const target =
        operations_.empty() ? nullptr : operations_[random_.below(unsigned_size())].get();
    Operation& operation = add(kind);
    operation.channel = channel;
    operation.end = end;
    operation.bytes.resize(400'000);
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
    prepare(operation, sqe, channels_[channel].ends[end], target);
    io_uring_sqe_set_data64(sqe, operations_.size());
    if (operation.words.empty()) operation.words += '-';
    std::printf("%zu %s %d.%d %s\n", operations_.size(), kind_names[static_cast<unsigned>(kind)],
                channel, end, operation.words.c_str());
    const int submitted = io_uring_submit(&ring_);
    if (submitted != 1) std::printf("! submit gave %d\n", submitted);
    // Some are done by a worker thread of the kernel, whenever it is awake.
    constexpr Kind prompt[] = {Kind::shutdown,   Kind::connect,     Kind::cancel,
                               Kind::cancel_end, Kind::poll_remove, Kind::poll_update,
                               Kind::provide,    Kind::remove};
    if (std::find(std::begin(prompt), std::end(prompt), kind) == std::end(prompt)) return;
    while (!operation.done) {
      io_uring_cqe* cqe = nullptr;
      if (io_uring_wait_cqe(&ring_, &cqe) != 0) continue;
      take(*cqe);
      io_uring_cqe_seen(&ring_, cqe);
    }
  }
  unsigned unsigned_size() const { return static_cast<unsigned>(operations_.size()); }

  void nothing(Operation& operation, io_uring_sqe* sqe) {
    operation.words = "nothing";
    io_uring_prep_nop(sqe);
  }

  void prepare(Operation& operation, io_uring_sqe* sqe, int fd, const Operation* target) {
    switch (operation.kind) {
      case Kind::send:
      case Kind::send_message:
      case Kind::send_zero_copy:
      case Kind::write:
        if (busy(operation.channel, operation.end, false)) return nothing(operation, sqe);
        operation.writes = true;
        return prepare_send(operation, sqe, fd);
      case Kind::receive:
      case Kind::receive_message:
      case Kind::receive_selected:
      case Kind::receive_multishot:
      case Kind::read:
        if (busy(operation.channel, operation.end, true)) return nothing(operation, sqe);
        operation.reads = true;
        return prepare_receive(operation, sqe, fd);
      case Kind::poll:
      case Kind::poll_multishot:
      case Kind::poll_remove:
      case Kind::poll_update:
        return prepare_poll(operation, sqe, fd, target);
      case Kind::accept:
      case Kind::accept_multishot:
      case Kind::connect:
      case Kind::shutdown:
        return prepare_connection(operation, sqe, fd);
      default:
        return prepare_rest(operation, sqe, fd, target);
    }
  }

  void prepare_send(Operation& operation, io_uring_sqe* sqe, int fd) {
    const bool datagrams = channels_[operation.channel].wire == Wire::local_datagram;
    constexpr unsigned sizes[] = {0, 1, 5, 16, 17, 40, 100, 400'000};
    operation.size = sizes[random_.below(datagrams || internet(operation) ? 7 : 8)];
    for (unsigned index = 0; index != operation.size; ++index)
      operation.bytes[index] = static_cast<char>('a' + next_byte_++ % 26);
    const int flags = random_.one_in(4) ? MSG_WAITALL : random_.one_in(6) ? MSG_DONTWAIT : 0;
    operation.words = std::to_string(operation.size) + " flags " + std::to_string(flags);
    char* const bytes = operation.bytes.data();
    const unsigned half = operation.size / 2;
    switch (operation.kind) {
      case Kind::send:
        return io_uring_prep_send(sqe, fd, bytes, operation.size, flags);
      case Kind::send_zero_copy:
        return io_uring_prep_send_zc(sqe, fd, bytes, operation.size, flags, 0);
      case Kind::write:
        return io_uring_prep_write(sqe, fd, bytes, operation.size, 0);
      default:
        operation.parts[0] = {bytes, half};
        operation.parts[1] = {bytes + half, operation.size - half};
        operation.header.msg_iov = operation.parts;
        operation.header.msg_iovlen = 2;
        return io_uring_prep_sendmsg(sqe, fd, &operation.header, static_cast<unsigned>(flags));
    }
  }

  bool internet(const Operation& operation) const {
    return channels_[operation.channel].wire == Wire::internet;
  }

  void prepare_receive(Operation& operation, io_uring_sqe* sqe, int fd) {
    constexpr unsigned sizes[] = {1, 4, 16, 64, 1000, 300'000};
    operation.size = random_.among(sizes);
    const int flags = random_.one_in(4)   ? static_cast<int>(MSG_WAITALL)
                      : random_.one_in(5) ? static_cast<int>(MSG_DONTWAIT)
                      : random_.one_in(6) ? static_cast<int>(MSG_PEEK)
                                          : 0;
    operation.words = std::to_string(operation.size) + " flags " + std::to_string(flags);
    char* const bytes = operation.bytes.data();
    switch (operation.kind) {
      case Kind::receive:
        return io_uring_prep_recv(sqe, fd, bytes, operation.size, flags);
      case Kind::read:
        return io_uring_prep_read(sqe, fd, bytes, operation.size, 0);
      case Kind::receive_message:
        operation.parts[0] = {bytes, operation.size / 2};
        operation.parts[1] = {bytes + operation.size / 2, operation.size - operation.size / 2};
        operation.header.msg_iov = operation.parts;
        operation.header.msg_iovlen = 2;
        return io_uring_prep_recvmsg(sqe, fd, &operation.header, static_cast<unsigned>(flags));
      default:
        break;
    }
    const bool multishot = operation.kind == Kind::receive_multishot;
    const bool listed = random_.one_in(3);
    operation.words += listed ? " list" : " ring";
    io_uring_prep_recv(sqe, fd, nullptr, multishot ? 0 : operation.size,
                       flags == MSG_WAITALL ? 0 : flags);
    if (multishot) sqe->ioprio |= IORING_RECV_MULTISHOT;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = listed ? list_group : ring_group;
  }

  void prepare_poll(Operation& operation, io_uring_sqe* sqe, int fd, const Operation* target) {
    constexpr unsigned masks[] = {POLLIN, POLLOUT, POLLIN | POLLOUT, POLLIN | POLLRDHUP, POLLPRI};
    unsigned mask = random_.among(masks);
    // A poll that goes on tells what woke it, or all that is ready: that is up to the kernel.
    if (operation.kind != Kind::poll && mask == (POLLIN | POLLOUT)) mask = POLLIN;
    const bool of_poll =
        target != nullptr && (target->kind == Kind::poll || target->kind == Kind::poll_multishot);
    const std::uint64_t key = target == nullptr ? 999 : number_of(*target);
    operation.words = "mask " + std::to_string(mask);
    switch (operation.kind) {
      case Kind::poll:
        return io_uring_prep_poll_add(sqe, fd, mask);
      case Kind::poll_multishot:
        return io_uring_prep_poll_multishot(sqe, fd, mask);
      case Kind::poll_remove:
        operation.words = "of " + std::to_string(key) + (of_poll ? "" : ", which is none");
        return io_uring_prep_poll_remove(sqe, key);
      default:
        operation.words += " of " + std::to_string(key);
        return io_uring_prep_poll_update(
            sqe, key, 0, mask,
            IORING_POLL_UPDATE_EVENTS |
                (of_poll && target->kind == Kind::poll_multishot ? IORING_POLL_ADD_MULTI : 0));
    }
  }

  std::uint64_t number_of(const Operation& operation) const {
    for (std::size_t index = 0; index != operations_.size(); ++index) {
      if (operations_[index].get() == &operation) return index + 1;
    }
    return 999;
  }

  void prepare_connection(Operation& operation, io_uring_sqe* sqe, int fd) {
    switch (operation.kind) {
      case Kind::accept:
      case Kind::accept_multishot: {
        if (accepting_before(operation)) return nothing(operation, sqe);
        const bool wrong = random_.one_in(5);
        operation.words = wrong ? "of no listener" : "of the listener";
        if (operation.kind == Kind::accept)
          return io_uring_prep_accept(sqe, wrong ? fd : listener_, nullptr, nullptr, SOCK_CLOEXEC);
        return io_uring_prep_multishot_accept(sqe, wrong ? fd : listener_, nullptr, nullptr, 0);
      }
      case Kind::connect: {
        const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        made_.push_back(made);
        operation.address = address_;
        if (random_.one_in(4)) operation.address.sin_port = htons(9);
        operation.words = operation.address.sin_port == address_.sin_port ? "" : "nobody there";
        return io_uring_prep_connect(sqe, made, reinterpret_cast<sockaddr*>(&operation.address),
                                     sizeof operation.address);
      }
      default: {
        // Of a datagram socket only sends are ended: what a receive says then depends on whether a
        // worker thread of the kernel has taken it over.
        const bool datagrams = channels_[operation.channel].wire == Wire::local_datagram;
        const int how = datagrams ? SHUT_WR : static_cast<int>(random_.below(4));
        operation.words = "how " + std::to_string(how);
        return io_uring_prep_shutdown(sqe, fd, how);
      }
    }
  }
  bool accepting_before(const Operation& operation) const {
    return std::any_of(operations_.begin(), operations_.end(), [&](const auto& other) {
      return other.get() != &operation && !other->done && other->words != "nothing" &&
             (other->kind == Kind::accept || other->kind == Kind::accept_multishot);
    });
  }

  void prepare_rest(Operation& operation, io_uring_sqe* sqe, int fd, const Operation* target) {
    switch (operation.kind) {
      case Kind::cancel:
        operation.words = "of " + std::to_string(target == nullptr ? 999 : number_of(*target));
        return io_uring_prep_cancel64(sqe, target == nullptr ? 999 : number_of(*target), 0);
      case Kind::cancel_end:
        if (fd < 0) return nothing(operation, sqe);
        operation.words = "all";
        return io_uring_prep_cancel_fd(sqe, fd, IORING_ASYNC_CANCEL_ALL);
      case Kind::provide:
        operation.size = 1 + random_.below(3);
        operation.words = std::to_string(operation.size);
        listed_count_ += operation.size;
        return io_uring_prep_provide_buffers(
            sqe, listed_[listed_count_ - operation.size], buffer_bytes,
            static_cast<int>(operation.size), list_group,
            static_cast<int>(100 + listed_count_ - operation.size));
      default:
        operation.size = random_.below(4);
        operation.words = std::to_string(operation.size);
        return io_uring_prep_remove_buffers(sqe, static_cast<int>(operation.size),
                                            random_.one_in(4) ? 77 : list_group);
    }
  }

  // Until nothing has come for a while.
  void pause() {
    __kernel_timespec while_{.tv_sec = 0, .tv_nsec = pause_nanoseconds};
    for (;;) {
      io_uring_cqe* cqe = nullptr;
      const int result = io_uring_wait_cqe_timeout(&ring_, &cqe, &while_);
      if (result == -EINTR) continue;
      if (result != 0) return;
      take(*cqe);
      io_uring_cqe_seen(&ring_, cqe);
    }
  }

  // A receive from a stream of the internet tells whether there is more; elsewhere only newer
  // kernels do.
  unsigned shown_flags(const Operation& operation, int result, unsigned flags) const {
    flags &= 0xFFFFu;
    if (operation.channel < 0) return flags;
    // At the end, or after a close, the simulation cannot tell an end from a reset.
    const bool open = channels_[operation.channel].ends[1 - operation.end] >= 0;
    const bool told = internet(operation) && operation.reads && open && result > 0;
    return told ? flags : flags & ~IORING_CQE_F_SOCK_NONEMPTY;
  }

  void take(const io_uring_cqe& cqe) {
    if (cqe.user_data == 0 || cqe.user_data > operations_.size()) {
      std::printf("! a completion of nobody: %llu\n", cqe.user_data);
      return;
    }
    Operation& operation = *operations_[cqe.user_data - 1];
    if (operation.done) std::printf("! operation %llu completed twice\n", cqe.user_data);
    operation.done = (cqe.flags & IORING_CQE_F_MORE) == 0;
    if ((cqe.flags & IORING_CQE_F_NOTIF) != 0) {  // when it comes is up to the peer
      operation.notified = true;
      if (cqe.res != 0) std::printf("! a notification's result is %d\n", cqe.res);
      return;
    }
    // What it was asked for is done; until when the buffer is lent is up to the peer too.
    if (operation.kind == Kind::send_zero_copy) operation.writes = false;
    const bool gives_file = cqe.res >= 0 && (operation.kind == Kind::accept ||
                                             operation.kind == Kind::accept_multishot);
    if (gives_file && operation.words != "nothing") made_.push_back(cqe.res);
    // What woke a poll is told, and not all that was ready then: a kernel may leave POLLOUT out.
    int result = cqe.res;
    const bool polled = operation.kind == Kind::poll || operation.kind == Kind::poll_multishot;
    if (polled && result > 0 && (result & ~POLLOUT) != 0) result &= ~POLLOUT;
    if (polled && result > 0 && (result & POLLHUP) != 0) result &= ~POLLERR;
    // What a worker thread of the kernel has when it is cancelled ends in EINTR.
    if (result == -EINTR) result = -ECANCELED;
    // At the end a kernel's worker thread may have some of what is cancelled.
    if (operation.words == "everything" && result > 0) result = 1;
    std::string line = gives_file ? "a socket" : std::to_string(result);
    line += " flags " + std::to_string(shown_flags(operation, cqe.res, cqe.flags));
    if (operation.reads && cqe.res > 0) line.append(" ").append(text_of(operation, cqe));
    // How often the same is told, and when, depends on how wake-ups meet.
    const bool polls = operation.kind == Kind::poll_multishot && !operation.done;
    if (polls && operation.told == result) return;
    operation.told = result;
    operation.news.push_back(line);
  }

  std::string text_of(const Operation& operation, const io_uring_cqe& cqe) {
    const auto size = static_cast<std::size_t>(cqe.res);
    if ((cqe.flags & IORING_CQE_F_BUFFER) == 0)
      return {operation.bytes.data(), std::min<std::size_t>(size, 60)};
    const unsigned number = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
    const char* const bytes = number >= 100 ? listed_[number - 100] : buffers_[number];
    if (number < 100) used_.push_back(number);
    return "buffer " + std::to_string(number) + " " + std::string(bytes, size);
  }

  void print() {
    for (std::size_t index = 0; index != operations_.size(); ++index) {
      for (const std::string& line : operations_[index]->news)
        std::printf("  %zu: %s\n", index + 1, line.c_str());
      operations_[index]->news.clear();
    }
  }

  void end() {
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
    Operation& all = add(Kind::cancel);
    all.words = "everything";
    io_uring_prep_cancel(sqe, nullptr, IORING_ASYNC_CANCEL_ANY);
    io_uring_sqe_set_data64(sqe, operations_.size());
    io_uring_submit(&ring_);
    pause();
    std::printf("the end\n");
    print();
    for (Channel& channel : channels_) {  // the last bytes of zero-copy sends
      for (int& end : channel.ends) close(std::exchange(end, -1));
    }
    pause();
    for (std::size_t index = 0; index != operations_.size(); ++index) {
      if (operations_[index]->notified) std::printf("  %zu: notified\n", index + 1);
      if (!operations_[index]->done) std::printf("! operation %zu never ended\n", index + 1);
    }
  }

  static constexpr unsigned channels_count = 3;
  Random random_;
  io_uring ring_{};
  Channel channels_[channels_count];
  int listener_ = -1;
  sockaddr_in address_{};
  std::vector<int> made_;
  io_uring_buf_ring* shared_ = nullptr;
  char buffers_[buffer_count][buffer_bytes] = {};
  char listed_[200][buffer_bytes] = {};  // none is provided twice
  unsigned listed_count_ = 0;
  std::vector<unsigned> used_;
  unsigned next_byte_ = 0;
  std::vector<std::unique_ptr<Operation>> operations_;
};

}  // namespace

void run_fidelity_socket_script(std::uint64_t seed) {
  SocketScript(seed).run();
}
