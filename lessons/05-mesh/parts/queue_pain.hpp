#pragma once

namespace lesson {

/// What a value costs from one thread to another: through a lock, and through an SpscQueue.
void show_queues();

/// Two queues that differ in the cache lines of their counts.
void false_sharing();

}  // namespace lesson
