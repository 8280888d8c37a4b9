#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include "fidelity_script.hpp"

#if FIDELITY_SIMULATED
#include <percore/sim.hpp>
#endif

namespace {

void run_files(unsigned long seed, const char* parent) {
  std::string above = std::string(parent) + "/fidelity-XXXXXX";  // for scripts that leave by ".."
  if (mkdtemp(above.data()) == nullptr || chmod(above.c_str(), 0755) != 0) {
    std::perror(above.c_str());
    std::exit(2);
  }
  const std::string folder = above + "/sim";
  std::filesystem::create_directory(folder);
  run_fidelity_file_script(seed, folder);
  std::filesystem::remove_all(above);
}

}  // namespace

// fidelity_real rings 300, fidelity_simulated memory 300 1000: 300 scripts, from number 0 or 1000.
// What `memory` and `network` do on the simulated ring, `files` and `sockets` do on the kernel's.
int main(int argument_count, char** arguments) {
  if (argument_count < 3) {
    std::fprintf(stderr, "usage: %s rings|files|memory|sockets|network SCRIPTS [FIRST]\n",
                 arguments[0]);
    return 2;
  }
  const bool files = std::strcmp(arguments[1], "files") == 0;
  const bool network = std::strcmp(arguments[1], "network") == 0;
  const bool sockets = network || std::strcmp(arguments[1], "sockets") == 0;
  const bool memory = std::strcmp(arguments[1], "memory") == 0;
  const unsigned long count = std::strtoul(arguments[2], nullptr, 10);
  const unsigned long first = argument_count > 3 ? std::strtoul(arguments[3], nullptr, 10) : 0;
  const char* const parent = std::getenv("TMPDIR");
  umask(022);
  bool good = true;
  for (unsigned long seed = first; seed != first + count; ++seed) {
    std::printf("script %lu\n", seed);
#if FIDELITY_SIMULATED
    percore::sim::Options options = percore::sim::gentle(seed);
    options.watch_descriptors = false;  // random scripts do not tidy up
    if (memory) options.files_in_memory = "/sim";
    if (network) {  // which delivers at once and whole, as the loopback does
      options.sockets_in_memory = true;
      options.inline_percent = 100;
    }
    percore::sim::begin(std::move(options));
#endif
    if (sockets) {
      run_fidelity_socket_script(seed);
    } else if (files) {
      run_files(seed, parent == nullptr ? "/tmp" : parent);
    } else if (memory) {
      run_fidelity_file_script(seed, "/sim");
    } else {
      run_fidelity_script(seed);
    }
#if FIDELITY_SIMULATED
    good = percore::sim::end() && good;
#endif
  }
  return good ? 0 : 1;
}
