#pragma once

#include "story.hpp"

#include <set>

namespace percore::trace {

/// A place in a drawing: a stave, like a line of music, and how far along it.
struct Place {
  std::size_t stave = 0;
  int x = 0;

  auto operator<=>(const Place&) const = default;
};

/// A bar in the drawing: an operation in flight, or a lane of the program's own words.
struct Bar {
  std::size_t begin = 0, end = 0;  ///< events; `end` is one past the last for what never ended
  unsigned executor = 0;
  std::size_t row = 0;          ///< within its executor and kind, from the top
  std::uint64_t operation = 0;  ///< 0: a lane
  std::string lane;
  bool recurs = false;  ///< a lane that begins more than once: it keeps its row
};

/// Where everything lies along the staves. Distances are of events, not of time: what happens in a
/// hundred nanoseconds and what takes a second are both worth seeing.
struct Layout {
  std::vector<Place> places;  ///< of each event, and one more for the end of the run
  std::vector<Bar> operations;
  std::vector<Bar> lanes;
  std::vector<int> widths;         ///< of each stave
  std::set<std::uint64_t> hidden;  ///< operations that found no row
  std::size_t events_drawn = 0;    ///< fewer than there are when the drawing was cut
};

/// From the first place of a fold to the middle of its gap.
inline constexpr int fold_middle = 63;

struct LayoutOptions {
  int width = 760;                  ///< of a stave
  int cell_width = 17;              ///< of a submission or a completion
  std::size_t operation_rows = 20;  ///< of an executor; what finds no row is not drawn
  std::size_t lane_rows = 12;
  std::size_t staves_max = 12;
};

Layout lay_out(const Story& story, const LayoutOptions& options);

}  // namespace percore::trace
