#pragma once

/// The page that a check program and its supervisor share. The program only writes, the supervisor
/// reads it after a crash, a hang or an early exit: it tells where the program was although the
/// program can no longer say so. Layout is plain data of fixed size, so that a corrupted heap or
/// stack does not take it along.

#include <cstdint>
#include <percore/sim_ledger.hpp>

namespace percore::check {

inline constexpr std::uint32_t PAGE_MAGIC = 0x70637031;  // "pcp1"
inline constexpr unsigned PAGE_FRAMES_MAX = 64;
inline constexpr unsigned PAGE_SIZES_MAX = 16;

struct Page {
  std::uint32_t magic;
  std::uint32_t stage;  ///< Stage, below
  std::uint64_t nonce;  ///< written by the supervisor; "passed" must repeat it
  std::uint64_t seed;
  std::uint64_t operation;  ///< UINT64_MAX: none named
  char waits_for[160];      ///< what Run::waits_for said last, or empty
  char check[64];

  std::int32_t signal;          ///< 0, or the signal that struck
  std::int32_t stack_overflow;  ///< 1: the fault lies at the end of the stack
  std::uint64_t fault_address;
  char explanation[240];  ///< what the simulated ring says about the address, or empty
  std::uint32_t frame_count;
  std::uint64_t frames[PAGE_FRAMES_MAX];  ///< return addresses, innermost first

  std::uint64_t outside_begin;  ///< the simulated ring's code, which stands for the kernel
  std::uint64_t outside_end;
  std::uint32_t size_count;  ///< calls of Run::size in this seed; the first ones are in sizes
  std::uint32_t sizes[PAGE_SIZES_MAX];  ///< what each gave above its lower bound
  sim::Ledger ledger;                   ///< all zero where no simulated ring runs

  std::uint32_t counting;  ///< 1 between count_from_here and count_to_here
};

enum Stage : std::uint32_t {
  STAGE_START = 0,
  STAGE_BODY = 1,
  STAGE_FINAL_ORACLES = 2,
  STAGE_DONE = 3,
  STAGE_REPORTED = 4  ///< the report was written: where it does not arrive, its descriptor is gone
};

/// The supervisor sends this to a program that ran out of time; its handler writes frames[] and
/// returns.
inline constexpr int SIGNAL_WHERE = 40;  // a real-time signal: nobody else uses it

}  // namespace percore::check
