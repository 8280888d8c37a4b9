// Linked right before the simulated ring's objects, as outside_end.cpp is right after them: what
// lies between stands for the kernel, and its instructions are not counted as the learner's.

extern "C" void percore_outside_begin() {}
