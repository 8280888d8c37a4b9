#include <doctest/doctest.h>

#include <ostream>
#include <percore/cpu_set.hpp>
#include <random>
#include <set>
#include <string>

using namespace percore;

namespace {

CpuSet of(std::string_view list) {
  const auto set = CpuSet::parse(list);
  REQUIRE_MESSAGE(set.has_value(), list);
  return *set;
}

// The place of the mistake, or -1 where the list was taken.
int mistake_in(std::string_view list) {
  const auto set = CpuSet::parse(list);
  if (set) return -1;
  CHECK(set.error().sentence.size() > 20);
  return static_cast<int>(set.error().position);
}

}  // namespace

TEST_CASE("a list is read as the kernel writes it") {
  CHECK(of("").empty());
  CHECK(of("\n").empty());
  CHECK(of("0").to_list() == "0");
  CHECK(of("0-3,8,10-11\n").to_list() == "0-3,8,10-11");
  CHECK(of("0-3,8,10-11").count() == 7);
  CHECK(of("8191").contains(8191));
  CHECK(of("0-8191").count() == 8192);
  CHECK(of("0-8191").to_list() == "0-8191");
}

TEST_CASE("order, overlap and neighbours do not matter") {
  CHECK(of("5,1,3-4,4-6,0").to_list() == "0-1,3-6");
  CHECK(of("2-2").to_list() == "2");
  CHECK(of("63,64").to_list() == "63-64");
  CHECK(of(" 1-2 ") == of("2,1"));
}

TEST_CASE("a list that means nothing is refused where it goes wrong") {
  CHECK(mistake_in("x") == 0);
  CHECK(mistake_in("1,") == 2);
  CHECK(mistake_in(",1") == 0);
  CHECK(mistake_in("1,,2") == 2);
  CHECK(mistake_in("1-") == 2);
  CHECK(mistake_in("-1") == 0);
  CHECK(mistake_in("3-1") == 0);
  CHECK(mistake_in("0,3-1") == 2);
  CHECK(mistake_in("1 2") == 1);
  CHECK(mistake_in("1, 2") == 2);
  CHECK(mistake_in("0x3") == 1);
  CHECK(mistake_in("1.5") == 1);
  CHECK(mistake_in("+1") == 0);
  CHECK(mistake_in("8192") == 0);
  CHECK(mistake_in("0-8192") == 2);
  CHECK(mistake_in("0-99999999999999999999") == 2);
  CHECK(mistake_in("1-2-3") == 3);
}

TEST_CASE("random sets agree with std::set, and come back from their list") {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    CpuSet set;
    std::set<unsigned> model;
    const unsigned bound = 1u << (1 + random() % 13);
    for (int step = 0; step < 100; ++step) {
      const unsigned cpu = static_cast<unsigned>(random() % bound);
      if (random() % 3 != 0) {
        set.add(cpu);
        model.insert(cpu);
      } else {
        set.remove(cpu);
        model.erase(cpu);
      }
    }
    REQUIRE(set.count() == model.size());
    auto expected = model.begin();
    for (unsigned cpu = set.next(0); cpu != cpus_max; cpu = set.next(cpu + 1))
      REQUIRE(cpu == *expected++);
    REQUIRE(expected == model.end());
    REQUIRE(of(set.to_list()) == set);
  }
}

TEST_CASE("sets meet and join") {
  CHECK((of("0-5") & of("4-9")).to_list() == "4-5");
  CHECK((of("0-1") | of("70")).to_list() == "0-1,70");
  CHECK_FALSE(of("3").contains(100'000));
}
