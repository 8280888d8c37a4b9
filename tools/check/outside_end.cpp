// See outside_begin.cpp.

extern "C" void percore_outside_end() {}
