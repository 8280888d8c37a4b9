#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ostream>
#include <percore/io.hpp>
#include <string>
#include <vector>

using namespace percore;

namespace {

struct TemporaryFile {
  TemporaryFile() : fd(mkstemp(name.data())) {
    REQUIRE(fd >= 0);
    unlink(name.data());
  }
  ~TemporaryFile() { close(fd); }
  std::string name = "/tmp/percore-io-test-XXXXXX";
  int fd;
};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

Task<> writes_and_reads(int fd) {
  const std::string hello = "hello, ring";
  const auto written = co_await write(fd, bytes_of(hello), 5);
  CHECK(written == hello.size());
  std::array<std::byte, 32> back{};
  const auto got = co_await read(fd, back, 5);
  CHECK(got == hello.size());
  CHECK(std::string(reinterpret_cast<const char*>(back.data()), *got) == hello);
  const auto end = co_await read(fd, back, 1'000);
  CHECK(end == 0u);
}

Task<> appends(int fd, std::string text) {
  const auto written = co_await write(fd, bytes_of(text));
  CHECK(written == text.size());
}

Task<> ten_write_by_position(int fd) {
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < 10; ++i) handles.push_back(spawn(appends(fd, std::to_string(i))));
  for (JoinHandle<void>& handle : handles) co_await handle;
}

}  // namespace

TEST_CASE("write and read at an offset, and the end of the file") {
  TemporaryFile file;
  Executor executor;
  executor.run(writes_and_reads(file.fd));
}

TEST_CASE("without an offset the file's own position moves") {
  TemporaryFile file;
  Executor executor;
  executor.run(ten_write_by_position(file.fd));
  std::array<char, 32> back{};
  CHECK(pread(file.fd, back.data(), back.size(), 0) == 10);
}

TEST_CASE("an error of the kernel is a value, not an exception") {
  Executor executor;
  const auto root = []() -> Task<> {
    std::array<std::byte, 1> byte{};
    const auto bad_descriptor = co_await read(-1, byte, 0);
    CHECK(bad_descriptor.error() == std::errc::bad_file_descriptor);
    const int directory = open("/", O_RDONLY | O_DIRECTORY);
    const auto is_directory = co_await read(directory, byte, 0);
    CHECK(is_directory.error() == std::errc::is_a_directory);
    close(directory);
    const auto full = co_await write(open("/dev/full", O_WRONLY | O_CLOEXEC), byte);
    CHECK(full.error() == std::errc::no_space_on_device);
  };
  executor.run(root());
}

TEST_CASE("nop goes to the kernel and back") {
  Executor executor;
  const auto root = []() -> Task<> {
    const auto result = co_await nop();
    CHECK(result == 0u);
  };
  executor.run(root());
  CHECK(executor.ring().counts().completions == 1);
}
