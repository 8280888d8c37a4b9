// 03.3 cpu_set, step parse: lists that mean something, and lists that do not.

#include "cpu_set_support.hpp"

using namespace checks;

namespace {

// As somebody would write them: in any order, overlapping, with ranges of one.
std::string any_list(Run& run, Model& model) {
  std::string list;
  const unsigned ranges = run.size(1, 5);
  for (unsigned i = 0; i < ranges; ++i) {
    const unsigned first = any_cpu(run);
    const unsigned length = run.chance(50) ? 0 : static_cast<unsigned>(run.random(6));
    const unsigned last = std::min(first + length, cpus_max - 1);
    for (unsigned cpu = first; cpu <= last; ++cpu) model.insert(cpu);
    if (!list.empty()) list += ",";
    list += std::to_string(first);
    if (last != first || run.chance(20)) list += "-" + std::to_string(last);
  }
  return list;
}

// A tab and a newline as they are written in a program.
std::string shown(const std::string& list) {
  std::string text;
  for (const char letter : list)
    text += letter == '\t' ? "\\t" : letter == '\n' ? "\\n" : std::string(1, letter);
  return text;
}

void expect_set(const std::string& given, const Model& model) {
  const auto set = CpuSet::parse(given);
  const std::string list = shown(given);
  require(set.has_value(), "the list \"{}\" was refused at place {}: {}", list,
          set ? 0 : set.error().position, set ? "" : set.error().sentence);
  require(*set == set_of(model), "the list \"{}\" means {{{}}}, and parse() read {} CPUs: {}", list,
          list_of(model), set->count(), set->empty() ? "none" : set->to_list());
}

void expect_mistake(const std::string& list, std::size_t place, const char* why) {
  const auto set = CpuSet::parse(list);
  require(!set.has_value(), "the list \"{}\" was taken: {}", list, why);
  require(set.error().position == place,
          "in the list \"{}\" the mistake is at place {}, and {} was "
          "told: {}",
          list, place, set.error().position, why);
  require(set.error().sentence.size() > 10,
          "the list \"{}\" was refused without a sentence that says what is wrong", list);
}

}  // namespace

PERCORE_CHECK("parse", what_was_written_is_read_back, "P2",
              "parse() reads back every list that to_list() writes", the_list, .seeds = 100,
              .ring = false) {
  const Model model = any_model(run, 10);
  expect_set(list_of(model), model);
}

PERCORE_CHECK("parse", order_and_overlap_do_not_matter, "P2",
              "the same set, whatever the order and overlap of its ranges", the_list,
              .ring = false) {
  Model model;
  const std::string list = any_list(run, model);
  expect_set(list, model);
  expect_set(" \t" + list + " \n", model);
}

PERCORE_CHECK("parse", the_ends_are_read, "P2", "an empty list is the empty set; 8191 is a CPU",
              the_list, .seeds = 1, .ring = false) {
  for (const char* list : {"", "\n", " ", "\t \n"}) expect_set(list, {});
  expect_set("8191", {8191});
  expect_set("0", {0});
  expect_set("007", {7});
  const auto all = CpuSet::parse("0-8191");
  require(all.has_value() && all->count() == cpus_max,
          "the list \"0-8191\" has {} CPUs, and {} "
          "were read",
          cpus_max, all ? all->count() : 0);
}

PERCORE_CHECK("parse", what_means_nothing_is_refused, "P3",
              "a list that means nothing is refused with the place of the mistake", the_list,
              .seeds = 1, .ring = false) {
  expect_mistake("x", 0, "a CPU number belongs there");
  expect_mistake("1,", 2, "behind a comma a CPU number belongs");
  expect_mistake(",1", 0, "a CPU number belongs before a comma");
  expect_mistake("1,,2", 2, "between two commas a CPU number belongs");
  expect_mistake(",", 0, "a CPU number belongs before a comma");
  expect_mistake("1-", 2, "a range has a last CPU");
  expect_mistake("-1", 0, "no CPU number is below 0");
  expect_mistake("-", 0, "a range has a first CPU");
  expect_mistake("1--2", 2, "no CPU number is below 0");
  expect_mistake("3-1", 0, "this range runs backwards");
  expect_mistake("0,3-1", 2, "this range runs backwards");
  expect_mistake("1 2", 1, "CPUs are parted by commas");
  expect_mistake("1, 2", 2, "blanks stand around a list, not in it");
  expect_mistake("1 ,2", 1, "blanks stand around a list, not in it");
  expect_mistake("0x3", 1, "numbers are decimal");
  expect_mistake("1.5", 1, "numbers are whole");
  expect_mistake("+1", 0, "a number has no sign");
  expect_mistake("1-2-3", 3, "a range has two ends");
  expect_mistake("1;2", 1, "CPUs are parted by commas");
  expect_mistake("  7,x", 4, "the place counts from the beginning of the list, blanks and all");
}

PERCORE_CHECK("parse", too_high_is_refused, "P3", "no CPU is dropped or made up", the_list,
              .seeds = 1, .ring = false) {
  expect_mistake("8192", 0, "8191 is the last CPU");
  expect_mistake("0-8192", 2, "8191 is the last CPU");
  expect_mistake("8192-1", 0, "8191 is the last CPU");
  expect_mistake("3,65536", 2, "8191 is the last CPU");
  expect_mistake("4294967296", 0, "8191 is the last CPU, and this number does not fit 32 bits");
  expect_mistake("4294967297", 0, "8191 is the last CPU, and this number does not fit 32 bits");
  expect_mistake("0-18446744073709551616", 2,
                 "8191 is the last CPU, and this number does not fit 64 bits");
  expect_mistake("1,99999999999999999999999999", 2, "8191 is the last CPU");
}

PERCORE_CHECK("parse", one_wrong_letter_is_found, "P3",
              "a list that means nothing is refused with the place of the mistake", the_list,
              .ring = false) {
  Model model;
  std::string list = any_list(run, model);
  constexpr std::string_view wrong = "x;:/ .+";
  std::size_t place = run.random(list.size() + 1);
  const char letter = wrong[run.random(wrong.size())];
  // Behind a whole number: of 10-12, 10-1x2 is also a range that runs backwards.
  const auto digit = [&list](std::size_t at) { return list[at] >= '0' && list[at] <= '9'; };
  while (place != 0 && place < list.size() && digit(place - 1) && digit(place)) ++place;
  // A blank at either end is none.
  if (letter == ' ' && (place == 0 || place == list.size())) return;
  list.insert(place, 1, letter);
  expect_mistake(list, place,
                 letter == ' ' ? "blanks stand around a list, not in it"
                               : "this character has no meaning there");
}
