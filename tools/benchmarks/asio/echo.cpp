// echo on Asio, in its best form for one thread; see tasks.cpp.
#include <asio.hpp>

#include <echo.hpp>

namespace {

using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
constexpr asio::use_awaitable_t<Executor> token{};

asio::awaitable<void, Executor> serves(Socket socket) {
  std::array<char, 4096> buffer;
  for (;;) {
    asio::error_code error;
    const std::size_t got =
        co_await socket.async_read_some(asio::buffer(buffer), asio::redirect_error(token, error));
    if (error) co_return;
    co_await asio::async_write(socket, asio::buffer(buffer.data(), got),
                               asio::redirect_error(token, error));
  }
}

void serve(const bench::EchoListener& listener, unsigned connections) {
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  for (unsigned i = 0; i < connections; ++i) {
    const int fd = accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) bench::echo_failed("the server cannot accept", errno);
    bench::send_at_once(fd);
    Socket socket(context.get_executor(), asio::ip::tcp::v4(), fd);
    asio::co_spawn(context.get_executor(), serves(std::move(socket)), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
  }
  context.run();
}

}  // namespace

int main(int argument_count, char** arguments) {
  return bench::echo_main(argument_count, arguments, serve);
}
