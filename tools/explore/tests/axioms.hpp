#pragma once

/// What the C++20 standard allows a small program to do, by its axioms: every assignment of stores
/// to loads and every modification order is tried, and those are kept that [intro.races] and
/// [atomics.order] let pass. Shares nothing with the explorer, which must find the same outcomes.

#include <atomic>
#include <set>
#include <string>
#include <vector>

namespace percore {

struct Instruction {
  enum class Kind { load, store, exchange, fence };
  Kind kind;
  unsigned location = 0;
  unsigned value = 0;  ///< of a store or exchange: another one for each
  std::memory_order order = std::memory_order_relaxed;
};

/// For each thread its instructions.
using Program = std::vector<std::vector<Instruction>>;

/// What was read, in the order of threads and instructions, then the last value of each location.
using ProgramOutcome = std::vector<unsigned>;

std::set<ProgramOutcome> allowed_by_axioms(const Program& program, unsigned locations);

std::string words(const Program& program);

}  // namespace percore
