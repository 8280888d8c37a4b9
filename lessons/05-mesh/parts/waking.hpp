#pragma once

namespace lesson {

/// A round trip to an executor that is awake, and to one that sleeps, and what waiting costs.
void show_waking();

/// The owner looks, then says that it sleeps; who rings comes between.
void lost_wakeup();

/// A system call for each message, and one only where the receiver sleeps.
void ring_for_each();

}  // namespace lesson
