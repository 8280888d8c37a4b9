// A few tokens go round a few cores: small enough to be drawn, `./tools/percore trace 05`.
#include <command_line.hpp>
#include <percore/executor.hpp>  // what its parts run on: the tutor reads it here

#include "parts/token_ring.hpp"

int main(int argc, char** argv) {
  percore::lesson::CommandLine line("Tokens go round a ring of executors.", "tokens");
  std::size_t members = 3;
  unsigned tokens = 2;
  unsigned rounds = 2;
  line.number("--members", members, 2, 64, "executors, each on a thread of its own");
  line.number("--tokens", tokens, 1, 64, "on their way at the same time");
  line.number("--rounds", rounds, 1, 1'000'000, "that each of them goes");
  if (const auto status = line.parse(argc, argv)) return *status;
  lesson::show_ring(members, tokens, rounds);
}
