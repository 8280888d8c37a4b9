#pragma once

namespace lesson {

/// What a value costs from one thread to another: through a lock, and through an SpscQueue.
void show_queues();

/// One queue in two layouts: with its counts in one cache line, and in lines of their own.
void false_sharing();

}  // namespace lesson
