#pragma once

#include <CLI/CLI.hpp>

/// Parses a lesson program's options as CLI11_PARSE does, and leaves main() with status 2 for a bad
/// one: that is what every program of percore says to wrong usage.
#define LESSON_PARSE(app, argc, argv)      \
  try {                                    \
    (app).parse((argc), (argv));           \
  } catch (const CLI::ParseError& error) { \
    return (app).exit(error) == 0 ? 0 : 2; \
  }
