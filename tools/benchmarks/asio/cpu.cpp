// cpu on Asio: two io_contexts, a thread each, a coroutine for each chunk.
#include <asio.hpp>
#include <primes.hpp>

namespace {

using Executor = asio::io_context::executor_type;

asio::awaitable<void, Executor> one_chunk(std::uint64_t chunk, std::uint64_t& found) {
  found += bench::primes_in(chunk);
  co_return;
}

void find_half(std::uint64_t number, std::uint64_t& found) {
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  for (std::size_t pass = 0; pass < bench::passes_a_round; ++pass) {
    for (std::uint64_t chunk = number; chunk < bench::chunks; chunk += 2)
      asio::co_spawn(context.get_executor(), one_chunk(chunk, found), asio::detached);
    context.run();
    context.restart();
  }
}

std::uint64_t one_round() {
  return bench::on_two_threads(find_half);
}

}  // namespace

int main(int argument_count, char** arguments) {
  bench::measure_cpu(argument_count > 1 ? arguments[1] : "", one_round);
}
