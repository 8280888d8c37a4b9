// The test of copy.cpp on the simulated ring: a thousand seeds, each a day of its own.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <percore/sim.hpp>
#include <string>

int copy_file(const char* from_path, const char* to_path);

namespace {

std::string content(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int, char** argv) {
  std::uint64_t operations = 0, faults = 0;
  const std::string copied_path = std::string(argv[1]) + ".copy";
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    percore::sim::begin(percore::sim::rough(seed));
    const int result = copy_file(argv[1], copied_path.c_str());
    const bool good = percore::sim::end();
    operations += percore::sim::counts().submitted;
    faults += percore::sim::counts().faults;
    if (good && result == 0 && content(argv[1]) == content(copied_path.c_str())) continue;
    std::printf("seed %llu: result %d, or the copy differs\n%s",
                static_cast<unsigned long long>(seed), result, percore::sim::history().c_str());
    return 1;
  }
  std::remove(copied_path.c_str());
  std::printf("1,000 seeds, %llu operations, %llu faults: every copy was right\n",
              static_cast<unsigned long long>(operations), static_cast<unsigned long long>(faults));
}
