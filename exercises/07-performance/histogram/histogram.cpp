#include <percore/histogram.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <percore/assert.hpp>

namespace percore {

Histogram::Histogram(const HistogramOptions& options) : options_(options), half_bits_(1) {
  // TODO places: PERCORE_ASSERT, with a sentence, 1 to 5 significant digits, and a value_max of at
  // least 2 * 10^digits.
  // TODO places (V2): half_bits_: the fewest bits with which 2^half_bits_ is at least 10^digits.
  // TODO places (V3): all places that there are, up to that of value_max.
  counts_.resize(1);
}

// Which place counts this value; at most options_.value_max.
std::size_t Histogram::place_of(std::uint64_t value) const noexcept {
  // TODO places (V2): values below 2^half_bits_ have a place each. Behind them lies block after
  // block, each of 2^half_bits_ places: a block begins at a power of two and ends before the next.
  static_cast<void>(value);
  return 0;
}

// The largest of the values that this place counts.
std::uint64_t Histogram::highest_value_of(std::size_t place) const noexcept {
  // TODO places (V2): place_of() backwards.
  return place;
}

void Histogram::record_many(std::uint64_t value, std::uint64_t times) noexcept {
  // TODO places (V1, V3): count it, and keep max_. 0 times is nothing at all.
  // TODO figures (V5): a value above value_max is counted in the topmost place, and in
  // above_range_.
  // TODO figures (V2): min_ and sum_. Why has sum_ 128 bits?
  static_cast<void>(value);
  static_cast<void>(times);
}

std::uint64_t Histogram::value_at(double percentile) const noexcept {
  // TODO places (V2): the rank that is wanted, from 1 to count_; then the place in which that many
  // values have been seen. What a percentile of 0, below 0, above 100 or of no values is, says the
  // contract; std::nextafter(percentile, 0.0) is the number just below it.
  // TODO places (V2): the place's highest value, but never more than max_: who is last is known
  // exactly.
  // TODO figures (V5): nor more than value_max, but for the last one.
  static_cast<void>(percentile);
  return 0;
}

double Histogram::mean() const noexcept {
  // TODO figures (V2): exact, not of the places.
  return 0;
}

void Histogram::reset() noexcept {
  // TODO figures (V1, V3): as new, and no memory is given back.
}

void Histogram::merge(const Histogram& other) noexcept {
  // TODO merge (V4): PERCORE_ASSERT, with a sentence, that the options are the same.
  // TODO merge (V4): everything that this histogram keeps.
  static_cast<void>(other);
}

void Histogram::record_with_interval(std::uint64_t value, std::uint64_t interval) noexcept {
  // TODO merge (V1): the value, and those that could not come while it was waited for: see the
  // contract. An interval of 0 adds nothing. Which difference can fall below 0?
  record(value);
  static_cast<void>(interval);
}

}  // namespace percore
