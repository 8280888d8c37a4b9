// file_rand and file_write on Asio over io_uring. An Asio file keeps one operation in flight, so
// each of those that are to be at once has a file object of its own.
#define ASIO_HAS_IO_URING 1
#include <asio.hpp>

#include <file_work.hpp>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace {

using Executor = asio::io_context::executor_type;
using File = asio::basic_random_access_file<Executor>;
using Work = asio::awaitable<void, Executor>;
constexpr asio::use_awaitable_t<Executor> token{};

struct Free {
  void operator()(char* memory) const { std::free(memory); }
};
using Block = std::unique_ptr<char, Free>;

Block make_block() {
  Block block(static_cast<char*>(aligned_alloc(4096, bench::block_bytes)));
  std::memset(block.get(), 1, bench::block_bytes);
  return block;
}

File open_file(Executor executor, const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_DIRECT | O_CLOEXEC, 0644);
  if (fd < 0) bench::file_failed(path, "it cannot be opened", errno);
  return File(executor, fd);
}

Work read_blocks(File file, bench::Offsets& offsets, bench::Reads& reads) {
  const Block block = make_block();
  while (reads.more())
    co_await file.async_read_some_at(offsets.next(), asio::buffer(block.get(), bench::block_bytes),
                                     token);
}

Work write_blocks(File file, std::size_t& next) {
  const Block block = make_block();
  while (next < bench::writes) {
    const std::uint64_t offset = bench::block_bytes * next++;
    co_await file.async_write_some_at(offset, asio::buffer(block.get(), bench::block_bytes), token);
  }
}

void run_at(unsigned depth, const std::function<Work(Executor)>& make_work) {
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  for (unsigned i = 0; i < depth; ++i)
    asio::co_spawn(context.get_executor(), make_work(context.get_executor()),
                   [](std::exception_ptr error) {
                     if (error) std::rethrow_exception(error);
                   });
  context.run();
}

double random_reads(const std::string& path, unsigned depth) {
  bench::Offsets offsets;
  bench::Reads reads;
  run_at(depth, [&](Executor executor) {
    return read_blocks(open_file(executor, path, O_RDONLY), offsets, reads);
  });
  return reads.us_each();
}

double sequential_writes(const std::string& path, unsigned depth, bench::WriteForm form) {
  const std::int64_t begin = bench::now_ns();
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) bench::file_failed(path, "it cannot be made", errno);
  if (form.preallocates && fallocate(fd, 0, 0, bench::writes * bench::block_bytes) != 0)
    bench::file_failed(path, "it cannot be preallocated", errno);
  std::size_t next = 0;
  run_at(depth,
         [&](Executor executor) { return write_blocks(open_file(executor, path, O_RDWR), next); });
  if (fdatasync(fd) != 0) bench::file_failed(path, "it cannot be synced", errno);
  const std::int64_t end = bench::now_ns();
  close(fd);
  return static_cast<double>(end - begin) / 1000 / bench::writes;
}

}  // namespace

int main(int argument_count, char** arguments) {
  return bench::file_main(argument_count, arguments, random_reads, sequential_writes);
}
