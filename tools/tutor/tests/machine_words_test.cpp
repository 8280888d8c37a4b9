#include <doctest/doctest.h>

#include <percore/machine_words.hpp>

using percore::check::machine_in_words;

TEST_CASE("a machine in words: packages, nodes, caches and cores in the order of their first CPU") {
  CHECK(machine_in_words({{0, 0, 0, 0, 0}, {0, 0, 0, 1, 1}, {0, 0, 0, 0, 4}, {0, 0, 0, 1, 5}}) ==
        "{<[(0,4)(1,5)]>}");
  CHECK(machine_in_words({{1, 1, 3, 7, 9}, {0, 0, 0, 0, 0}, {1, 2, 4, 8, 2}}) ==
        "{<[(9)]><[(2)]>}{<[(0)]>}");
  CHECK(machine_in_words({}).empty());
}
