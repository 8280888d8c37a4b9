#pragma once

#include <memory>
#include <percore/task.hpp>

namespace percore::test {

inline Task<int> value(int v) {
  co_return v;
}

inline Task<std::unique_ptr<int>> move_only(int v) {
  co_return std::make_unique<int>(v);
}

}  // namespace percore::test
