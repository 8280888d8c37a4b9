#pragma once

#include "story.hpp"

namespace percore::trace {

/// The run in the Trace Event Format, one JSON object, which ui.perfetto.dev and chrome://tracing
/// open: a track for each executor with its enters and sleeps, asynchronous spans for operations
/// and for the program's lanes, an arrow from each submission to its completion, and how many are
/// in flight.
/// Source  "Trace Event Format", the Chromium project; the phases M, X, i, b, e, s, f, C.
std::string to_perfetto(const Run& run, const std::string& title);

}  // namespace percore::trace
