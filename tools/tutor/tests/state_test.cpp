// The record of a learner's progress, when two tutors have it open.
#include <doctest/doctest.h>
#include <stdlib.h>
#include <state.hpp>

namespace {

using namespace percore::tutor;

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "percore-state-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  fs::path path;
};

}  // namespace

TEST_CASE("what two tutors record at once is all kept") {
  const Folder my;
  State watching = State::load(my.path);
  watching.current = "01.1";
  watching.of("01.1").hints_shown = 2;
  watching.save();

  State checking = State::load(my.path);
  watching.of("01.1").solved = true;
  watching.current = "01.2";
  watching.save();
  checking.of("01.3").solved = true;
  checking.save();
  watching.save();  // it has not seen what the other one recorded

  const State after = State::load(my.path);
  CHECK(after.current == "01.2");
  CHECK(after.at("01.1").solved);
  CHECK(after.at("01.1").hints_shown == 2);
  CHECK(after.at("01.3").solved);
}

TEST_CASE("hints and a solution that were looked at during a check stay looked at") {
  const Folder my;
  State checking = State::load(my.path);
  checking.of("01.1").hints_shown = 1;
  checking.save();

  State beside = State::load(my.path);
  beside.of("01.1").hints_shown = 2;
  beside.of("01.1").solution_seen = true;
  beside.save();
  checking.of("01.1").solved = true;
  checking.save();

  const State after = State::load(my.path);
  CHECK(after.at("01.1").hints_shown == 2);
  CHECK(after.at("01.1").solution_seen);
  CHECK(after.at("01.1").solved);
}

TEST_CASE("who goes to another exercise last is followed") {
  const Folder my;
  State first = State::load(my.path);
  State second = State::load(my.path);
  first.current = "01.4";
  first.save();
  second.current = "01.6";
  second.save();
  first.of("01.4").solved = true;
  first.save();
  CHECK(State::load(my.path).current == "01.6");
}
