#pragma once

#include "course.hpp"
#include "toolchain.hpp"

#include <memory>
#include <string>
#include <vector>

namespace percore::tutor {

/// What a folder of programs is built from.
struct BuildFiles {
  std::string ninja;        ///< the text of its build.ninja
  std::vector<Unit> units;  ///< files that it compiles
};

/// A program of checks: the learner's files, one file of checks, and what lies below.
struct CheckProgram {
  fs::path path;              ///< the executable
  std::string stem;           ///< the check file's name: "ring_harvest"
  std::string step;           ///< the step it belongs to; empty: all
  fs::path checks;            ///< the file of checks; empty: the learner writes them
  std::vector<fs::path> own;  ///< the objects of the learner's files; none where they are checks
  std::vector<fs::path> objects;            ///< what is compiled for it, `own` among them
  std::shared_ptr<const BuildFiles> files;  ///< of its folder
  /// The same program with the lines of what the checks include, in a folder of its own; see
  /// Planner::without_lines(). Null: this one has them.
  std::shared_ptr<CheckProgram> lined;
  bool real = false;           ///< on the kernel's ring
  bool explored = false;       ///< over the schedule explorer
  bool counted = false;        ///< optimised, since it counts instructions
  std::string fault;           ///< catch: the folder of the module that is wrong; "right" for ours
  std::string fault_sentence;  ///< what is wrong with it
};

/// Which programs check an exercise, and how each is made.
struct PlanRequest {
  const Exercise& exercise;
  fs::path sources;  ///< the folder that stands for my/NN-lesson
  fs::path folder;   ///< where the objects go
  Variant variant = Variant::fast;
  bool stepped = false;  ///< for the debugger: with types of frames, and a look at the run queue
  bool ours = false;     ///< our module, or the plain answer, in place of the learner's files
  bool headers_ahead = true;  ///< in the quick verdict: see headers_below.hpp
  std::string step = {};      ///< the one at hand, which is compiled first; empty: the first
  std::string only = {};      ///< no other check is asked for; empty: all are
};

struct Plan {
  std::vector<fs::path> folders;       ///< in which there are objects of it
  std::vector<CheckProgram> programs;  ///< in the order of the steps
};

/// Reads which checks there are in tools/checks/NN-lesson and plans their programs.
Plan plan_exercise(const Toolchain& toolchain, const PlanRequest& request);

}  // namespace percore::tutor
