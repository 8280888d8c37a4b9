// 05.5 doorbell, step word: the bell's word as one thread sees it, beside a model of it.

#include <algorithm>
#include <percore/bell_word.hpp>
#include <percore/check.hpp>

using percore::BellWord;
using percore::check::require;

namespace {

constexpr const char* one_word = "Lesson 05, *Both in one word*";

struct Model {
  std::uint64_t rung = 0;
  unsigned highest = 0;  // of the numbers that rang
  bool asleep = false;
};

void ring(BellWord& word, Model& model, unsigned number) {
  const bool wakes = word.note(number);
  require(!wakes || model.asleep, "note({}) says that the owner is to be woken, and it is awake",
          number);
  require(!wakes || model.rung == 0,
          "note({}) says that the owner is to be woken, and somebody has rung since it fell asleep",
          number);
  require(wakes || !model.asleep || model.rung != 0,
          "note({}) says that nobody is to be woken, and the owner sleeps", number);
  model.rung |= std::uint64_t{1} << (number % BellWord::bits);
  model.highest = std::max(model.highest, number);
}

void fall_asleep(BellWord& word, Model& model) {
  if (model.asleep) return;
  const bool asleep = word.try_to_sleep();
  require(!asleep || model.rung == 0, "try_to_sleep() sleeps although somebody has rung");
  require(asleep || model.rung != 0, "try_to_sleep() stays awake, and nobody has rung");
  model.asleep = asleep;
}

void take(BellWord& word, Model& model) {
  const std::uint64_t taken = word.take();
  require(taken == model.rung || model.highest < BellWord::bits,
          "take() gave the bits {:#x}, and {:#x} have rung: inbox {} has bit {}, its number modulo "
          "{}",
          taken, model.rung, model.highest, model.highest % BellWord::bits, BellWord::bits);
  require(taken == model.rung, "take() gave the bits {:#x}, and {:#x} have rung", taken,
          model.rung);
  model = {};
}

}  // namespace

PERCORE_CHECK("word", like_its_model, "W2", "nothing is rung at an executor that is awake",
              one_word, .faults = false, .ring = false) {
  BellWord word;
  Model model;
  const unsigned actions = run.size(1, 60);
  for (unsigned i = 0; i < actions; ++i) {
    run.operation(i);
    const auto choice = run.random(6);
    if (choice < 3) ring(word, model, static_cast<unsigned>(run.random(200)));
    if (choice == 3) fall_asleep(word, model);
    if (choice == 4) take(word, model);
    const bool rung = word.rung();
    require(rung || model.rung == 0, "rung() is false, and the bits {:#x} have rung", model.rung);
    require(!rung || model.rung != 0 || model.asleep,
            "rung() is true, nobody has rung, and it is awake: who takes the bits is awake again");
  }
}
