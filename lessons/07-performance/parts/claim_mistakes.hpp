#pragma once

namespace lesson {

// Each measures the same thing wrongly and rightly, and says what happened.

void one_order(unsigned rounds);
void removed_work();
void setup_inside(unsigned rounds);

}  // namespace lesson
