// echo on percore: a task for each connection. Accepting, receiving and sending are entries of
// their own, since sockets come with a later lesson.
#include <echo.hpp>

#include <percore/io.hpp>
#include <vector>

using namespace percore;

namespace {

io_detail::EntryAwaiter accept_one(int listener) {
  io_uring_sqe entry{};
  io_uring_prep_accept(&entry, listener, nullptr, nullptr, SOCK_CLOEXEC);
  return perform(entry);
}
io_detail::EntryAwaiter receive(int fd, std::span<char> out) {
  io_uring_sqe entry{};
  io_uring_prep_recv(&entry, fd, out.data(), out.size(), 0);
  return perform(entry);
}
io_detail::EntryAwaiter send_some(int fd, std::span<const char> in) {
  io_uring_sqe entry{};
  io_uring_prep_send(&entry, fd, in.data(), in.size(), MSG_NOSIGNAL);
  return perform(entry);
}

Task<> serves(int fd) {
  std::array<char, 4096> buffer;
  for (;;) {
    const Result<std::uint32_t> got = co_await receive(fd, buffer);
    if (!got || *got == 0) break;
    for (std::span<const char> rest(buffer.data(), *got); !rest.empty();) {
      const Result<std::uint32_t> sent = co_await send_some(fd, rest);
      if (!sent && !bench::has_ended(sent.error().value()))
        bench::echo_failed("the server cannot send", sent.error().value());
      if (!sent) break;  // the next receive says that it has ended
      rest = rest.subspan(*sent);
    }
  }
  close(fd);
}

Task<> serves_all(int listener, unsigned connections) {
  std::vector<JoinHandle<void>> handles;
  for (unsigned i = 0; i < connections; ++i) {
    const Result<std::uint32_t> fd = co_await accept_one(listener);
    if (!fd) bench::echo_failed("the server cannot accept", fd.error().value());
    bench::send_at_once(static_cast<int>(*fd));
    handles.push_back(spawn(serves(static_cast<int>(*fd))));
  }
  for (auto& handle : handles) co_await handle;
}

}  // namespace

int main(int argument_count, char** arguments) {
  return bench::echo_main(argument_count, arguments,
                          [](const bench::EchoListener& listener, unsigned connections) {
                            Executor({.ring = {.entries = bench::echo_ring_entries}})
                                .run(serves_all(listener.fd(), connections));
                          });
}
