// echo without a ring: epoll by hand, and read and write as soon as a socket is ready. For sockets
// that are ready at once this is less work than a ring has with them.
#include <echo.hpp>

namespace {

void serve(const bench::EchoListener& listener, unsigned connections) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (unsigned i = 0; i < connections; ++i) {
    const int fd = accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) bench::echo_failed("the server cannot accept", errno);
    bench::send_at_once(fd);
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
  for (unsigned open = connections; open != 0;) {
    epoll_event events[512];
    const int count = epoll_wait(epoll, events, 512, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      char buffer[4096];
      const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
      if (got <= 0) {
        if (got < 0 && !bench::has_ended(errno))
          bench::echo_failed("the server cannot receive", errno);
        close(fd);
        --open;
        continue;
      }
      for (ssize_t done = 0; done != got;) {
        const ssize_t sent =
            send(fd, buffer + done, static_cast<std::size_t>(got - done), MSG_NOSIGNAL);
        if (sent < 0 && !bench::has_ended(errno))
          bench::echo_failed("the server cannot send", errno);
        if (sent < 0) break;  // the next receive says that it has ended
        done += sent;
      }
    }
  }
  close(epoll);
}

}  // namespace

int main(int argument_count, char** arguments) {
  return bench::echo_main(argument_count, arguments, serve);
}
