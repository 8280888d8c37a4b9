#include <percore/assert.hpp>

#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iterator>

namespace percore {

void assertion_failed(const char* file, int line, const char* sentence) noexcept {
  char number[16];
  char* digit = number + sizeof number;
  unsigned rest = line > 0 ? static_cast<unsigned>(line) : 0;
  do {
    *--digit = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  const auto text = [](const char* from, std::size_t size) {
    return iovec{.iov_base = const_cast<char*>(from), .iov_len = size};
  };
  const iovec parts[] = {
      text("percore: ", 9), text(file, std::strlen(file)),
      text(":", 1),         text(digit, static_cast<std::size_t>(number + sizeof number - digit)),
      text(": ", 2),        text(sentence, std::strlen(sentence)),
      text("\n", 1),
  };
  [[maybe_unused]] const auto written = writev(STDERR_FILENO, parts, std::size(parts));
  std::abort();
}

}  // namespace percore
