// 01.3 ten_lines, once on the kernel.

#include <liburing.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <percore/check.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

int write_lines(io_uring& ring, int fd, std::span<const std::string_view> lines);

PERCORE_CHECK("", on_the_kernel_the_file_holds_the_lines, "I6",
              "the file holds the lines in their order", "Lesson 01, *The submission*") {
  io_uring ring;
  const int opened = io_uring_queue_init(16, &ring, 0);
  percore::check::require(opened == 0, "the kernel gave no ring: {}", std::strerror(-opened));
  const int file = memfd_create("lines", MFD_CLOEXEC);
  std::vector<std::string> lines;
  std::string wanted;
  for (int i = 0; i < 10; ++i) {
    lines.push_back("line " + std::to_string(i) + " of ten\n");
    wanted += lines.back();
  }
  const std::vector<std::string_view> views(lines.begin(), lines.end());
  run.waits_for("the completions of ten writes, on the kernel");
  const int result = write_lines(ring, file, views);
  percore::check::require(result == 0, "on the kernel write_lines() returned {}", result);
  std::string got(2 * wanted.size(), '\0');
  const ssize_t size = pread(file, got.data(), got.size(), 0);
  got.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  percore::check::require(
      got == wanted, "on the kernel the file holds {} bytes, and the ten lines have {}: \"{}\"",
      got.size(), wanted.size(), got.substr(0, 40));
  io_uring_queue_exit(&ring);
  close(file);
}
