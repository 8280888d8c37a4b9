// echo on libuv: a stream for each connection, whose callbacks read and write back.
#include <uv.h>

#include <echo.hpp>

#include <cstdlib>
#include <memory>

namespace {

struct Connection {
  uv_tcp_t stream;
  uv_write_t request;
  std::array<char, 4096> buffer;
};

// Its callbacks have the connection as their handle's data; the loop lets go of it when it is
// closed.
void gone(uv_handle_t* handle) {
  delete static_cast<Connection*>(handle->data);
}

void lend(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
  auto& connection = *static_cast<Connection*>(handle->data);
  *buffer = uv_buf_init(connection.buffer.data(), sizeof connection.buffer);
}

// A client asks again when it has its answer, so one write is under way at most, and the buffer is
// its until then.
void wrote(uv_write_t*, int) {}

void came(uv_stream_t* stream, ssize_t got, const uv_buf_t* buffer) {
  auto& connection = *static_cast<Connection*>(stream->data);
  if (got <= 0) {
    if (got < 0) uv_close(reinterpret_cast<uv_handle_t*>(stream), gone);
    return;
  }
  const uv_buf_t answer = uv_buf_init(buffer->base, static_cast<unsigned>(got));
  if (uv_try_write(stream, &answer, 1) == got) return;
  uv_write(&connection.request, stream, &answer, 1, wrote);
}

void serve(const bench::EchoListener& listener, unsigned connections) {
  uv_loop_t* const loop = uv_default_loop();
  for (unsigned i = 0; i < connections; ++i) {
    const int fd = accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) bench::echo_failed("the server cannot accept", errno);
    bench::send_at_once(fd);
    auto connection = std::make_unique<Connection>();
    uv_tcp_init(loop, &connection->stream);
    connection->stream.data = connection.get();
    if (uv_tcp_open(&connection->stream, fd) != 0)
      bench::echo_failed("the server cannot open a stream", EINVAL);
    uv_read_start(reinterpret_cast<uv_stream_t*>(&connection->stream), lend, came);
    static_cast<void>(connection.release());
  }
  uv_run(loop, UV_RUN_DEFAULT);
}

}  // namespace

int main(int argument_count, char** arguments) {
  return bench::echo_main(argument_count, arguments, serve);
}
