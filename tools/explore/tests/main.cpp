#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

// A losing execution is left where it is: what its threads hold is not given back.
extern "C" int __lsan_is_turned_off() {  // NOLINT: the sanitizer's name
  return 1;
}
