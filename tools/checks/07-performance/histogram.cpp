// 07.4 histogram, all steps together: the text, which is drawn from all that it says of itself.

#include "01-hello-world/assertions.hpp"
#include "histogram_support.hpp"

using namespace checks;

namespace {

// The first line of `text`, which is taken off.
std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

void demand(const std::string& text, std::string_view wanted) {
  std::string_view got = text;
  for (unsigned number = 1; !got.empty() || !wanted.empty(); ++number) {
    const std::string_view got_line = next_line(got);
    const std::string_view wanted_line = next_line(wanted);
    require(got_line == wanted_line && got.empty() == wanted.empty(),
            "line {} of a histogram's text is \"{}\", and was to be \"{}\"; {} behind it", number,
            got_line, wanted_line, got.empty() ? "nothing stands" : "more stands");
  }
  require(text.ends_with('\n'), "a histogram's text has no end of line at its end");
}

}  // namespace

PERCORE_CHECK("merge", the_text_has_its_lines, "V2",
              "the text has a line for each percentile that there are values for", the_buckets,
              .seeds = 1, .ring = false) {
  Histogram histogram({.value_max = 2'000, .significant_digits = 3});
  demand(histogram.to_text(), "0 values\n");
  histogram.record(0);
  demand(histogram.to_text({.columns = 50}),
         "1 value, mean 0.0\n"
         "      min      0  \n"
         "      max      0  \n");
  histogram.record(1);
  demand(histogram.to_text({.unit = "of a unit with a long name", .columns = 50}),
         "2 values, mean 0.5 of a unit with a long name\n"
         "      min      0 of a unit with a long name  \n"
         "      p10      0 of a unit with a long name  \n"
         "      p25      0 of a unit with a long name  \n"
         "      p50      0 of a unit with a long name  \n"
         "      max      1 of a unit with a long name  ████████\n");
  histogram.reset();
  histogram.record(7);
  demand(histogram.to_text({.columns = 50}),
         "1 value, mean 7.0\n"
         "      min      7  ████████████████████████████████\n"
         "      max      7  ████████████████████████████████\n");
  histogram.reset();
  for (std::uint64_t value = 1; value <= 1'000; ++value) histogram.record(value);
  histogram.record_many(2'468, 2);
  demand(histogram.to_text({.unit = "ns", .columns = 60}),
         "1,002 values, mean 504.4 ns\n"
         "      min      1 ns  \n"
         "      p10    101 ns  █▋\n"
         "      p25    251 ns  ████\n"
         "      p50    501 ns  ███████▉\n"
         "      p75    752 ns  ███████████▉\n"
         "      p90    902 ns  ██████████████▎\n"
         "      p95    952 ns  ███████████████\n"
         "      p99    992 ns  ███████████████▋\n"
         "    p99.9  2,000 ns  ███████████████████████████████▋\n"
         "      max  2,468 ns  ███████████████████████████████████████\n"
         "  2 of them above 2,000 ns, the end of the range: percentiles there are lower bounds\n");
}

PERCORE_CHECK("merge", a_narrow_text_ends_the_program, "V2",
              "a text of fewer than 50 columns is a programmer's mistake and ends the program",
              the_buckets, .seeds = 1, .ring = false) {
  Histogram histogram;
  histogram.record(1);
  require(ends_the_program([&] { static_cast<void>(histogram.to_text({.columns = 49})); }),
          "a text of 49 columns was made");
  require(!ends_the_program([&] { static_cast<void>(histogram.to_text({.columns = 50})); }),
          "a text of 50 columns ended the program");
}
