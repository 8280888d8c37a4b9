// The floor of echo: liburing by hand, one receive or send in flight for each connection, and one
// enter for all that is to be submitted and waited for.
#include <liburing.h>

#include <echo.hpp>

#include <memory>

#include "open_ring.hpp"

namespace {

struct Connection {
  int fd = -1;
  bool sends = false;
  unsigned length = 0;
  unsigned done = 0;
  char buffer[4096];
};

io_uring_sqe* entry_of(io_uring& ring) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring);
  if (sqe != nullptr) return sqe;
  io_uring_submit(&ring);
  return io_uring_get_sqe(&ring);
}

void receive(io_uring& ring, Connection& connection) {
  connection.sends = false;
  io_uring_sqe* const sqe = entry_of(ring);
  io_uring_prep_recv(sqe, connection.fd, connection.buffer, sizeof connection.buffer, 0);
  io_uring_sqe_set_data(sqe, &connection);
}

void send_rest(io_uring& ring, Connection& connection) {
  connection.sends = true;
  io_uring_sqe* const sqe = entry_of(ring);
  io_uring_prep_send(sqe, connection.fd, connection.buffer + connection.done,
                     connection.length - connection.done, MSG_NOSIGNAL);
  io_uring_sqe_set_data(sqe, &connection);
}

// Returns whether the connection has ended.
bool go_on(io_uring& ring, Connection& connection, int result) {
  if (result <= 0) {
    if (!bench::has_ended(-result)) bench::echo_failed("the server cannot go on", -result);
    close(connection.fd);
    return true;
  }
  if (connection.sends) {
    connection.done += static_cast<unsigned>(result);
    if (connection.done == connection.length)
      receive(ring, connection);
    else
      send_rest(ring, connection);
    return false;
  }
  connection.length = static_cast<unsigned>(result);
  connection.done = 0;
  send_rest(ring, connection);
  return false;
}

void serve(const bench::EchoListener& listener, unsigned connections) {
  io_uring ring;
  open_ring(ring, bench::echo_ring_entries);
  const auto all = std::make_unique<Connection[]>(connections);
  for (unsigned i = 0; i < connections; ++i) {
    all[i].fd = accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    if (all[i].fd < 0) bench::echo_failed("the server cannot accept", errno);
    bench::send_at_once(all[i].fd);
    receive(ring, all[i]);
  }
  struct Came {
    Connection* connection;
    int result;
  };
  std::array<Came, 1024> came;
  for (unsigned open = connections; open != 0;) {
    const int submitted = io_uring_submit_and_wait(&ring, 1);
    if (submitted < 0 && submitted != -EINTR) bench::echo_failed("submit", -submitted);
    unsigned head = 0;
    unsigned seen = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring, head, cqe) {
      came[seen++] = {static_cast<Connection*>(io_uring_cqe_get_data(cqe)), cqe->res};
      if (seen == came.size()) break;
    }
    io_uring_cq_advance(&ring, seen);
    for (unsigned i = 0; i < seen; ++i)
      if (go_on(ring, *came[i].connection, came[i].result)) --open;
  }
  io_uring_queue_exit(&ring);
}

}  // namespace

int main(int argument_count, char** arguments) {
  return bench::echo_main(argument_count, arguments, serve);
}
