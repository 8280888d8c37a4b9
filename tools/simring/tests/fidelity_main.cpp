#include <cstdio>
#include <cstdlib>

#include "fidelity_script.hpp"

#if FIDELITY_SIMULATED
#include <percore/sim.hpp>
#endif

// fidelity_real 300, fidelity_simulated 300: scripts 0 to 299.
int main(int argument_count, char** arguments) {
  const unsigned long scripts = argument_count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 1;
  bool good = true;
  for (unsigned long seed = 0; seed != scripts; ++seed) {
    std::printf("script %lu\n", seed);
#if FIDELITY_SIMULATED
    percore::sim::begin(percore::sim::gentle(seed));
#endif
    run_fidelity_script(seed);
#if FIDELITY_SIMULATED
    good = percore::sim::end() && good;
#endif
  }
  return good ? 0 : 1;
}
