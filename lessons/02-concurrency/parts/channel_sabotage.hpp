#pragma once

#include <percore/executor.hpp>

namespace lesson {

void unbounded(percore::Executor& executor);
void forgotten_close();
void leaves_early(percore::Executor& executor);
void late_result(percore::Executor& executor);

}  // namespace lesson
