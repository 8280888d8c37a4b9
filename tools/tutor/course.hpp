#pragma once

#include "files.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace percore::tutor {

/// What an exercise asks for.
enum class Kind { predict, use, fix, build, catching };

std::string_view word(Kind kind);

/// A part of an exercise with checks and points of its own. An exercise without steps has one,
/// without a name.
struct Step {
  std::string name;
  unsigned points = 0;
};

struct Hint {
  std::string title;
  std::string text;
};

struct Exercise {
  std::string number;  ///< "01.4"
  std::string name;    ///< "ring"
  std::string title;
  std::string lesson;  ///< the folder's name, "01-hello-world"
  Kind kind = Kind::build;
  unsigned sitting = 1;
  unsigned minutes = 0;
  std::vector<std::string> files;  ///< the learner's, within the lesson's folder
  std::vector<Step> steps;
  std::string task;  ///< Markdown
  std::vector<Hint> hints;

  /// The module that a build exercise makes: the folder of its files; else empty.
  [[nodiscard]] std::string module() const;
  [[nodiscard]] unsigned points() const;
};

struct Lesson {
  std::string number;  ///< "01"
  std::string folder;  ///< "01-hello-world"
  std::string title;
  std::vector<Exercise> exercises;
};

/// Everything there is to learn, read from exercises/*/README.md.
struct Course {
  fs::path root;
  std::vector<Lesson> lessons;

  [[nodiscard]] std::vector<const Exercise*> exercises() const;
  [[nodiscard]] const Exercise* by_number(std::string_view number) const;

  /// By number or name. An unknown one is refused with the nearest names.
  [[nodiscard]] const Exercise& find(std::string_view number_or_name) const;
  /// By number ("01", "1"), folder or title's part.
  [[nodiscard]] const Lesson& find_lesson(std::string_view name) const;
};

/// Reads the course under `root`. A README that breaks the format is told with file and line.
Course read_course(const fs::path& root);

/// The up to three candidates that are closest to what was typed, best first; none when all are
/// far.
std::vector<std::string> nearest(std::string_view typed,
                                 const std::vector<std::string>& candidates);

}  // namespace percore::tutor
