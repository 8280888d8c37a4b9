#pragma once

#include <percore/executor.hpp>

namespace lesson {

/// The classic mistakes with shares, made on purpose by a toy scheduler on the real executor.
void credit_for_sleeping(percore::Executor& executor);
void multiply_by_shares(percore::Executor& executor);
void charge_turns(percore::Executor& executor);
void yield_the_task(percore::Executor& executor);
/// And one with task queues: a task that computes and never asks.
void never_give_way();

}  // namespace lesson
