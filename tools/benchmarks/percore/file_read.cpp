// file_read on percore: one task that awaits a read of the ring over and over.
#include <file.hpp>

#include <percore/executor.hpp>
#include <percore/io.hpp>
#include <span>
#include <string>

namespace {

percore::Task<> read_over_and_over(int fd, bench::ReadTimer& timer) {
  std::vector<unsigned char> buffer(bench::block_bytes);
  for (std::size_t round = 0; round < bench::read_rounds; ++round) {
    timer.begin_round();
    for (std::size_t i = 0; i < bench::reads_a_round; ++i) {
      const auto count = co_await percore::read(fd, std::as_writable_bytes(std::span(buffer)),
                                                bench::offset_of(i));
      bench::check_sum(count.value_or(0), bench::block_bytes);
      bench::check_block(buffer.data(), i);
    }
    timer.end_round();
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  if (suite != "file_read") bench::unknown_suite("file_read", suite.c_str(), "file_read");
  percore::Executor executor;
  bench::ReadTimer timer;
  executor.run(read_over_and_over(bench::file_in_cache(), timer));
  timer.print();
}
