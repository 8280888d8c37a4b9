// The floor of cpu: two threads, each of which calls the function.
#include <primes.hpp>

namespace {

void find_half(std::uint64_t number, std::uint64_t& found) {
  for (std::size_t pass = 0; pass < bench::passes_a_round; ++pass)
    for (std::uint64_t chunk = number; chunk < bench::chunks; chunk += 2)
      found += bench::primes_in(chunk);
}

std::uint64_t one_round() {
  return bench::on_two_threads(find_half);
}

}  // namespace

int main(int argument_count, char** arguments) {
  bench::measure_cpu(argument_count > 1 ? arguments[1] : "", one_round);
}
