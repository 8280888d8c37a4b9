// Asks the kernel about the calling thread.
#include "kernels_word.hpp"

#include <sys/resource.h>

#include <fstream>
#include <sstream>

namespace lesson {

KernelsWord ask_kernel() {
  KernelsWord word{.name = "", .may_run_on = "", .ran_on = -1};
  std::getline(std::ifstream("/proc/thread-self/comm"), word.name);
  std::ifstream status("/proc/thread-self/status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view field = "Cpus_allowed_list:\t";
    if (line.starts_with(field)) word.may_run_on = line.substr(field.size());
  }
  std::string stat;
  std::getline(std::ifstream("/proc/thread-self/stat"), stat);
  // The second field is the name, in brackets, and may hold blanks; the third comes behind it.
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string field;
  for (int number = 3; number < 39; ++number) fields >> field;
  fields >> word.ran_on;
  return word;
}

std::uint64_t first_touches() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt);
}

}  // namespace lesson
