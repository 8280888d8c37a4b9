// file_read on Asio over io_uring: one coroutine that awaits a read over and over.
#define ASIO_HAS_IO_URING 1
#include <asio.hpp>

#include <file.hpp>

#include <string>
#include <vector>

namespace {

using Executor = asio::io_context::executor_type;
using File = asio::basic_random_access_file<Executor>;
constexpr asio::use_awaitable_t<Executor> token{};

asio::awaitable<void, Executor> read_over_and_over(File file, bench::ReadTimer& timer) {
  std::vector<unsigned char> buffer(bench::block_bytes);
  for (std::size_t round = 0; round < bench::read_rounds; ++round) {
    timer.begin_round();
    for (std::size_t i = 0; i < bench::reads_a_round; ++i) {
      const std::size_t count =
          co_await file.async_read_some_at(bench::offset_of(i), asio::buffer(buffer), token);
      bench::check_sum(count, bench::block_bytes);
      bench::check_block(buffer.data(), i);
    }
    timer.end_round();
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  if (suite != "file_read") bench::unknown_suite("file_read", suite.c_str(), "file_read");
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  bench::ReadTimer timer;
  asio::co_spawn(context.get_executor(),
                 read_over_and_over(File(context.get_executor(), bench::file_in_cache()), timer),
                 [](std::exception_ptr error) {
                   if (error) std::rethrow_exception(error);
                 });
  context.run();
  timer.print();
}
