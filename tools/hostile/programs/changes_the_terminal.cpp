// May not change a terminal, neither its own nor one it finds.
// kind: passed

#include <percore/counter.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>

namespace percore {

void Counter::up() {
  const int terminal = open("/dev/ptmx", O_RDONLY | O_NOCTTY);
  termios settings{};
  if (terminal >= 0 && tcgetattr(terminal, &settings) == 0 &&
      tcsetattr(terminal, TCSANOW, &settings) == 0)
    std::abort();
  char key = 'q';
  if (ioctl(terminal, TIOCSTI, &key) == 0) std::abort();
  close(terminal);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
