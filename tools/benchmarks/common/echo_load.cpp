// The load of echo as a program, for servers that are not in C++: echo_load PORT CONNECTIONS prints
// the microseconds an echo.
#include <echo.hpp>

int main(int argument_count, char** arguments) {
  if (argument_count != 3) {
    std::fprintf(stderr, "usage: echo_load PORT CONNECTIONS\n");
    return 2;
  }
  bench::EchoLoad load(static_cast<std::uint16_t>(std::atoi(arguments[1])),
                       static_cast<unsigned>(std::atoi(arguments[2])));
  std::printf("%.4f\n", load.us_each());
}
