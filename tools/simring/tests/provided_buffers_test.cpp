// Buffers provided to the kernel, both ways, multishot receives that use them, and what a program
// must not do with them.

#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "fixture.hpp"
#include "sockets_fixture.hpp"

namespace percore::sim::test {

namespace {

constexpr unsigned group = 3;

struct Free {
  void operator()(void* block) const { std::free(block); }
};

// A ring of buffers of one size, all given to the kernel.
struct BufferRing {
  io_uring& ring;
  unsigned count, size;
  std::unique_ptr<void, Free> place;
  io_uring_buf_ring* shared;
  std::unique_ptr<char[]> memory;

  BufferRing(io_uring& of, unsigned buffers, unsigned bytes)
      : ring(of),
        count(buffers),
        size(bytes),
        place(std::aligned_alloc(4096, 4096)),
        shared(static_cast<io_uring_buf_ring*>(place.get())),
        memory(std::make_unique<char[]>(std::size_t{buffers} * bytes)) {
    io_uring_buf_ring_init(shared);
    io_uring_buf_reg request{};
    request.ring_addr = reinterpret_cast<std::uint64_t>(shared);
    request.ring_entries = count;
    request.bgid = group;
    REQUIRE(io_uring_register_buf_ring(&ring, &request, 0) == 0);
    for (unsigned number = 0; number != count; ++number) add(number, number);
    io_uring_buf_ring_advance(shared, static_cast<int>(count));
  }
  char* at(unsigned number) { return memory.get() + std::size_t{number} * size; }
  void add(unsigned number, unsigned place_in_row) {
    io_uring_buf_ring_add(shared, at(number), size, static_cast<unsigned short>(number),
                          io_uring_buf_ring_mask(count), static_cast<int>(place_in_row));
  }
  void give_back(unsigned number) {
    add(number, 0);
    io_uring_buf_ring_advance(shared, 1);
  }
};

void receive_selected(io_uring_sqe* sqe, int fd, unsigned size = 0, int flags = 0) {
  const std::uint64_t user_data = sqe->user_data;
  io_uring_prep_recv(sqe, fd, nullptr, size, flags);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = group;
  sqe->user_data = user_data;
}

void receive_multishot(io_uring_sqe* sqe, int fd) {
  receive_selected(sqe, fd);
  sqe->ioprio |= IORING_RECV_MULTISHOT;
}

unsigned buffer_of(unsigned flags) {
  REQUIRE((flags & IORING_CQE_F_BUFFER) != 0);
  return flags >> IORING_CQE_BUFFER_SHIFT;
}

}  // namespace

TEST_CASE("buffers of a ring are used in the order of their adding, and come back") {
  for (const Options& options : kinds_of_networks()) {
    Run run(options);
    OpenRing ring(16);
    const Connection both(ring, AF_INET);
    BufferRing buffers(ring.ring, 2, 16);
    for (unsigned round = 0; round != 5; ++round) {
      io_uring_prep_send(ring.entry(1), both.client, "hello", 5, 0);
      CHECK(result_of(ring.wait(1), 1) == 5);
      ring.pause();
      receive_selected(ring.entry(2), both.server);
      const auto all = ring.wait(1);
      CHECK(result_of(all, 2) == 5);
      const unsigned number = buffer_of(flags_of(all, 2));
      CHECK(number == round % 2);
      CHECK(std::string(buffers.at(number), 5) == "hello");
      buffers.give_back(number);
    }
    CHECK(io_uring_unregister_buf_ring(&ring.ring, group) == 0);
    CHECK(io_uring_unregister_buf_ring(&ring.ring, group) == -ENOENT);
    both.close(ring);
    ring.close();
    CHECK(run.broken.empty());
    CHECK(counts().buffers_lent == 6);
    CHECK(counts().buffers_used == 5);
  }
}

TEST_CASE("a multishot receive goes on until its buffers are used up, and says so") {
  for (const Options& options : kinds_of_networks()) {
    Run run(options);
    OpenRing ring(16);
    const Connection both(ring, AF_INET);
    BufferRing buffers(ring.ring, 4, 4);
    receive_multishot(ring.entry(1), both.server);
    io_uring_prep_send(ring.entry(2), both.client, "abcdefghijklmnopqrst", 20, MSG_WAITALL);
    std::vector<OpenRing::Completion> all;
    std::string received;
    bool over = false;
    while (!over) {
      for (const auto& one : ring.wait(1)) {
        if (one.user_data != 1) continue;
        over = (one.flags & IORING_CQE_F_MORE) == 0;
        if (one.result > 0)
          received.append(buffers.at(buffer_of(one.flags)), static_cast<unsigned>(one.result));
        if (over) CHECK(one.result == -ENOBUFS);
      }
    }
    CHECK(received == std::string("abcdefghijklmnopqrst").substr(0, received.size()));
    CHECK(received.size() >= 4);
    for (unsigned number = 0; number != 4; ++number) buffers.give_back(number);
    ring.pause();
    receive_multishot(ring.entry(3), both.server);
    io_uring_prep_shutdown(ring.entry(4), both.client, SHUT_WR);
    for (over = false; !over;) {
      for (const auto& one : ring.wait(1)) {
        if (one.user_data != 3) continue;
        over = (one.flags & IORING_CQE_F_MORE) == 0;
        if (one.result > 0)
          received.append(buffers.at(buffer_of(one.flags)), static_cast<unsigned>(one.result));
        if (over && one.result != -ENOBUFS) {
          CHECK(one.result == 0);
          CHECK((one.flags & IORING_CQE_F_BUFFER) == 0);  // the end of the stream takes no buffer
        }
      }
    }
    CHECK(received == std::string("abcdefghijklmnopqrst").substr(0, received.size()));
    both.close(ring);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("buffers by operations: provided, used, removed") {
  Run run(slow(5));
  OpenRing ring(16);
  const SocketPair pair;
  static char memory[4][8];
  io_uring_prep_provide_buffers(ring.entry(1), memory, 8, 4, group, 10);
  CHECK(result_of(ring.wait(1), 1) == 0);
  REQUIRE(send(pair.left, "abc", 3, 0) == 3);
  receive_selected(ring.entry(2), pair.right, 2);
  auto all = ring.wait(1);
  CHECK(result_of(all, 2) == 2);
  CHECK(buffer_of(flags_of(all, 2)) == 10);
  CHECK(std::string(memory[0], 2) == "ab");
  io_uring_prep_remove_buffers(ring.entry(3), 9, group);
  CHECK(result_of(ring.wait(1), 3) == 3);
  receive_selected(ring.entry(4), pair.right);
  CHECK(result_of(ring.wait(1), 4) == -ENOBUFS);
  io_uring_prep_remove_buffers(ring.entry(5), 1, 77);
  CHECK(result_of(ring.wait(1), 5) == -ENOENT);
  io_uring_prep_provide_buffers(ring.entry(6), memory, 8, 0, group, 0);
  CHECK(result_of(ring.wait(1), 6) == -E2BIG);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("a read selects a buffer too") {
  Run run(slow(5));
  OpenRing ring;
  const Pipe pipe;
  BufferRing buffers(ring.ring, 2, 8);
  REQUIRE(write(pipe.in, "pipe", 4) == 4);
  io_uring_sqe* const sqe = ring.read(1, pipe.out, nullptr, 3);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = group;
  const auto all = ring.wait(1);
  CHECK(result_of(all, 1) == 3);
  CHECK(std::string(buffers.at(buffer_of(flags_of(all, 1))), 3) == "pip");
}

TEST_CASE("a message's header, name and data lie in one buffer when it is received multishot") {
  Run run(slow(5));
  OpenRing ring(16);
  const SocketPair pair(SOCK_DGRAM);
  BufferRing buffers(ring.ring, 4, 64);
  msghdr header{};
  io_uring_sqe* const sqe = ring.entry(1);
  io_uring_prep_recvmsg_multishot(sqe, pair.right, &header, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = group;
  CHECK(io_uring_submit(&ring.ring) == 1);
  for (const char* const text : {"one", "three"}) {
    REQUIRE(send(pair.left, text, std::strlen(text), 0) > 0);
    const auto all = ring.wait(1);
    const int result = result_of(all, 1);
    CHECK((flags_of(all, 1) & IORING_CQE_F_MORE) != 0);
    auto* const out =
        io_uring_recvmsg_validate(buffers.at(buffer_of(flags_of(all, 1))), result, &header);
    REQUIRE(out != nullptr);
    const auto size = io_uring_recvmsg_payload_length(out, result, &header);
    CHECK(std::string(static_cast<char*>(io_uring_recvmsg_payload(out, &header)), size) == text);
  }
  io_uring_prep_cancel64(ring.entry(2), 1, 0);
  const auto all = ring.wait(2);
  CHECK(result_of(all, 1) == -ECANCELED);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("what a ring of buffers must be") {
  Run run(plain());
  OpenRing ring;
  const std::unique_ptr<void, Free> place(std::aligned_alloc(4096, 4096));
  io_uring_buf_reg request{};
  request.ring_addr = reinterpret_cast<std::uint64_t>(place.get());
  request.ring_entries = 3;
  CHECK(io_uring_register_buf_ring(&ring.ring, &request, 0) == -EINVAL);
  request.ring_entries = 4;
  request.ring_addr += 16;
  CHECK(io_uring_register_buf_ring(&ring.ring, &request, 0) == -EINVAL);
  request.ring_addr = 0;
  CHECK(io_uring_register_buf_ring(&ring.ring, &request, 0) == -EFAULT);
  request.ring_addr = reinterpret_cast<std::uint64_t>(place.get());
  CHECK(io_uring_register_buf_ring(&ring.ring, &request, 0) == 0);
  CHECK(io_uring_register_buf_ring(&ring.ring, &request, 0) == -EEXIST);
}

TEST_CASE("buffer_lent_twice: given back while the kernel has it, or more than the ring holds") {
  for (const bool overfull : {false, true}) {
    Run run(slow(2));
    OpenRing ring;
    const SocketPair pair;
    BufferRing buffers(ring.ring, 4, 8);
    receive_multishot(ring.entry(1), pair.right);
    REQUIRE(send(pair.left, "abc", 3, 0) == 3);
    const unsigned number = buffer_of(flags_of(ring.wait(1), 1));
    CHECK(run.broken.empty());
    buffers.give_back(overfull ? number : (number + 1) % 4);
    if (overfull) buffers.give_back(number);
    io_uring_prep_cancel64(ring.entry(2), 1, 0);
    ring.wait(2);
    CHECK(run.broke(Rule::buffer_lent_twice));
  }
}

TEST_CASE("buffer_changed: a provided buffer is written to after it was given back") {
  Run run(slow(2));
  OpenRing ring;
  const SocketPair pair;
  BufferRing buffers(ring.ring, 2, 8);
  receive_multishot(ring.entry(1), pair.right);
  REQUIRE(send(pair.left, "abc", 3, 0) == 3);
  const unsigned number = buffer_of(flags_of(ring.wait(1), 1));
  buffers.give_back(number);
  io_uring_get_events(&ring.ring);
  CHECK(std::string(buffers.at(number), 3) != "abc");  // what stays in it is worth nothing
  buffers.at(number)[0] = 'x';
  for (unsigned round = 0; round != 2; ++round) {
    REQUIRE(send(pair.left, "abc", 3, 0) == 3);
    ring.wait(1);
  }
  CHECK(run.broke(Rule::buffer_changed));
  io_uring_prep_cancel64(ring.entry(2), 1, 0);
  ring.wait(2);
}

TEST_CASE("buffer_freed: provided buffers go while a receive may be given them") {
  Run run(slow(2));
  OpenRing ring;
  const SocketPair pair;
  BufferRing buffers(ring.ring, 2, 8);
  receive_multishot(ring.entry(1), pair.right);
  CHECK(io_uring_submit(&ring.ring) == 1);
  buffers.memory.reset();
  CHECK(run.broke(Rule::buffer_freed));
  io_uring_prep_cancel64(ring.entry(2), 1, 0);
  ring.wait(2);
}

TEST_CASE("faults: no buffers, a multishot that ends early") {
  unsigned starved = 0, ended = 0;
  for (std::uint64_t seed = 0; seed != 40; ++seed) {
    Options options = slow(seed);
    (seed % 2 == 0 ? options.no_buffers_percent : options.multishot_ends_percent) = 50;
    Run run(options);
    OpenRing ring;
    const SocketPair pair;
    BufferRing buffers(ring.ring, 4, 8);
    receive_multishot(ring.entry(1), pair.right);
    bool armed = true;
    for (unsigned round = 0; round != 4 && armed; ++round) {
      REQUIRE(send(pair.left, "abc", 3, 0) == 3);
      const auto all = ring.wait(1);
      armed = (flags_of(all, 1) & IORING_CQE_F_MORE) != 0;
      starved += result_of(all, 1) == -ENOBUFS;
      ended += !armed && result_of(all, 1) == 3;
      if (result_of(all, 1) > 0) buffers.give_back(buffer_of(flags_of(all, 1)));
    }
    if (!armed) continue;
    io_uring_prep_cancel64(ring.entry(2), 1, 0);
    ring.wait(2);
  }
  CHECK(starved > 4);
  CHECK(ended > 4);
}

}  // namespace percore::sim::test
