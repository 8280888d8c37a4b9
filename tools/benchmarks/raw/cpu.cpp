// The floor of cpu: two threads, each of which calls the function.
#include <primes.hpp>

#include <thread>

namespace {

void find_half(std::uint64_t number, std::uint64_t& found) {
  for (std::size_t pass = 0; pass < bench::passes_a_round; ++pass)
    for (std::uint64_t chunk = number; chunk < bench::chunks; chunk += 2)
      found += bench::primes_in(chunk);
}

std::uint64_t round() {
  std::uint64_t first = 0, second = 0;
  std::thread other(find_half, 1, std::ref(second));
  find_half(0, first);
  other.join();
  return first + second;
}

}  // namespace

int main(int argument_count, char** arguments) {
  bench::measure_cpu(argument_count > 1 ? arguments[1] : "", round);
}
