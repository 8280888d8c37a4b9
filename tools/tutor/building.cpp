#include "building.hpp"

#include "problem.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace percore::tutor {

namespace {

// Whether what ninja names as failed is of this program.
bool failed_in(const CheckProgram& program, const std::string& output) {
  for (const std::string& line : split_lines(output)) {
    if (!line.starts_with("FAILED:")) continue;
    for (const std::string& word : split_words(line))
      if (word == program.path || std::ranges::count(program.objects, fs::path(word)) != 0)
        return true;
  }
  return false;
}

}  // namespace

Building::Building(const CheckBuild& build, std::span<const CheckProgram> programs)
    : programs_(programs),
      stop_(eventfd(0, EFD_CLOEXEC)),
      built_(programs.size(), false),
      wanted_(programs.size()) {
  if (stop_ < 0) give_up("No eventfd can be made: {}.", std::strerror(errno));
  worker_ = std::thread([this, &build] { work(build); });
}

Building::~Building() {
  eventfd_write(stop_, 1);
  worker_.join();
  close(stop_);
}

void Building::is_built(const fs::path& program) {
  const auto found = std::ranges::find(programs_, program, &CheckProgram::path);
  if (found == programs_.end()) return;
  const std::scoped_lock locked(lock_);
  built_[static_cast<std::size_t>(found - programs_.begin())] = true;
  changed_.notify_all();
}

// ninja gives up at the first mistake, which may be that of a later program: the earlier ones are
// then built one by one, so that the verdict does not depend on which compiler was faster.
BuildResult Building::build_in_order(const CheckBuild& build) {
  const auto finished = [this](const fs::path& program) { is_built(program); };
  BuildResult result = build.build(programs_, finished, stop_);
  for (std::size_t i = 0; i < programs_.size() && !result.built; ++i) {
    if (built_[i]) continue;
    if (result.out_of_time || failed_in(programs_[i], result.output)) return result;
    result = build.build(programs_.subspan(i, 1), finished, stop_);
    if (!result.built) return result;
    is_built(programs_[i].path);
    result.built = std::ranges::count(built_, false) == 0;
  }
  return result;
}

void Building::work(const CheckBuild& build) {
  BuildResult result;
  std::exception_ptr thrown;
  try {
    result = build_in_order(build);
  } catch (...) {
    thrown = std::current_exception();
  }
  const std::scoped_lock locked(lock_);
  ended_ = true;
  result_ = std::move(result);
  thrown_ = thrown;
  if (result_.built) built_.assign(built_.size(), true);  // also those that were up to date
  changed_.notify_all();
}

bool Building::wait_for(std::size_t index) {
  std::unique_lock locked(lock_);
  changed_.wait(locked, [&] { return ended_ || built_[index] || index >= wanted_; });
  if (thrown_) std::rethrow_exception(thrown_);
  return built_[index];
}

void Building::only_the_first(std::size_t count) {
  const std::scoped_lock locked(lock_);
  wanted_ = std::min(wanted_, count);
  changed_.notify_all();
}

const BuildResult& Building::wait_for_all() {
  std::unique_lock locked(lock_);
  changed_.wait(locked, [&] { return ended_; });
  if (thrown_) std::rethrow_exception(thrown_);
  return result_;
}

}  // namespace percore::tutor
