// file_read on libuv: uv_fs_read, which hands each read to a thread of its pool.
#include <uv.h>
#include <file.hpp>

#include <string>

namespace {

struct Reading {
  uv_loop_t* loop;
  int fd;
  std::vector<char> buffer = std::vector<char>(bench::block_bytes);
  std::size_t round = 0, done = 0;
  uv_fs_t request{};
  bench::ReadTimer timer{};
};

void next(Reading& reading);

void came(uv_fs_t* request) {
  auto& reading = *static_cast<Reading*>(request->data);
  bench::check_sum(static_cast<std::uint64_t>(request->result), bench::block_bytes);
  bench::check_block(reinterpret_cast<unsigned char*>(reading.buffer.data()), reading.done);
  uv_fs_req_cleanup(request);
  if (++reading.done == bench::reads_a_round) {
    reading.timer.end_round();
    reading.done = 0;
    if (++reading.round == bench::read_rounds) return;
    reading.timer.begin_round();
  }
  next(reading);
}

void next(Reading& reading) {
  uv_buf_t buffer = uv_buf_init(reading.buffer.data(), bench::block_bytes);
  reading.request.data = &reading;
  uv_fs_read(reading.loop, &reading.request, reading.fd, &buffer, 1,
             static_cast<std::int64_t>(bench::offset_of(reading.done)), came);
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  if (suite != "file_read") bench::unknown_suite("file_read", suite.c_str(), "file_read");
  Reading reading{.loop = uv_default_loop(), .fd = bench::file_in_cache()};
  reading.timer.begin_round();
  next(reading);
  uv_run(reading.loop, UV_RUN_DEFAULT);
  reading.timer.print();
}
