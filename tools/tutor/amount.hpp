#pragma once

#include <percore/sim_ledger.hpp>

#include <string>

namespace percore::tutor {

/// What a run amounted to, in words: "2 operations and 1 fault (EINTR at the 3rd enter)". Empty
/// where no ring was used.
std::string amount(const sim::Ledger& ledger);

}  // namespace percore::tutor
