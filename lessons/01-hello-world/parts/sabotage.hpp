#pragma once

#include <span>

namespace lesson {

/// A classic mistake, made on purpose: it really happens, ends by itself, and says what happened.
struct Sabotage {
  const char* name;
  const char* mistake;
  void (*run)();
};

std::span<const Sabotage> sabotages();

}  // namespace lesson
