#include <doctest/doctest.h>

#include <percore/sentence.hpp>
#include <string>

using percore::check::filled_in;
using percore::check::gaps_in;
using percore::check::say;

static_assert(gaps_in("nothing") == 0);
static_assert(gaps_in("{} of {:.1f}") == 2);
static_assert(gaps_in("{{ and }} are braces, {} is a gap") == 1);

TEST_CASE("every kind of word stands in a sentence as fmt would write it") {
  const std::string text = "text";
  const std::size_t size = 18'446'744'073'709'551'615U;
  CHECK(say("{} {} {} {} {}", -7, size, true, 'c', 2.5) == "-7 18446744073709551615 true c 2.5");
  CHECK(say("{} {} {}", "literal", text, std::string_view(text)) == "literal text text");
  CHECK(say("{:#x}, {:.1f}, {:>4}", 255U, 0.25, 7) == "0xff, 0.2,    7");
  CHECK(say("{{{}}}", 1) == "{1}");
  CHECK(say("{}", static_cast<const void*>(nullptr)) == "0x0");
}

TEST_CASE("a format that does not fit its word is told in the sentence, which is not lost") {
  const std::string said = filled_in("{:d} were read", {"seven"});
  CHECK(said.starts_with("{:d} were read ("));
}
