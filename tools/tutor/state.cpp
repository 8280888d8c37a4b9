#include "state.hpp"

#include "json.hpp"
#include "problem.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace percore::tutor {

namespace {

constexpr std::int64_t FORMAT_VERSION = 1;

template <typename Number>
Json to_list(const std::vector<Number>& numbers) {
  Json out = Json::list();
  for (const Number number : numbers) out.add(number);
  return out;
}

template <typename Number>
std::vector<Number> to_numbers(const Json& list) {
  std::vector<Number> out;
  for (const Json& one : list.items()) out.push_back(static_cast<Number>(one.number()));
  return out;
}

Json to_json(const Loss& loss) {
  Json out = Json::object();
  out.set("program", loss.program)
      .set("check", loss.check)
      .set("seed", loss.seed)
      .set("size_limits", to_list(loss.small.size_limits))
      .set("headline", loss.headline)
      .set("files_hash", loss.files_hash);
  if (loss.small.faults) out.set("faults", to_list(*loss.small.faults));
  if (loss.small.switches) out.set("switches", to_list(*loss.small.switches));
  return out;
}

std::optional<Loss> to_loss(const Json& json) {
  if (!json.is(Json::Type::object)) return {};
  Loss loss{.program = json["program"].text(),
            .check = json["check"].text(),
            .seed = static_cast<std::uint64_t>(json["seed"].number()),
            .small = {.size_limits = to_numbers<std::uint32_t>(json["size_limits"]),
                      .faults = {},
                      .switches = {}},
            .headline = json["headline"].text(),
            .files_hash = json["files_hash"].text()};
  if (json["faults"].is(Json::Type::list))
    loss.small.faults = to_numbers<std::uint64_t>(json["faults"]);
  if (json["switches"].is(Json::Type::list))
    loss.small.switches = to_numbers<std::uint64_t>(json["switches"]);
  return loss;
}

Json to_json(const Progress& progress) {
  Json steps = Json::list();
  for (const std::string& step : progress.steps_passed) steps.add(step);
  Json starters = Json::object();
  for (const auto& [file, hash] : progress.starter_hashes) starters.set(file, hash);
  Json out = Json::object();
  out.set("steps_passed", std::move(steps))
      .set("solved", progress.solved)
      .set("solution_seen", progress.solution_seen)
      .set("hints_shown", progress.hints_shown)
      .set("contract", progress.contract)
      .set("contract_hash", progress.contract_hash)
      .set("files_hash", progress.files_hash)
      .set("starters", std::move(starters));
  if (progress.loss) out.set("loss", to_json(*progress.loss));
  return out;
}

Progress to_progress(const Json& json) {
  Progress progress;
  for (const Json& step : json["steps_passed"].items())
    progress.steps_passed.push_back(step.text());
  progress.solved = json["solved"].truth();
  progress.solution_seen = json["solution_seen"].truth();
  progress.hints_shown = static_cast<unsigned>(json["hints_shown"].number());
  progress.contract = json["contract"].number();
  progress.contract_hash = json["contract_hash"].text();
  progress.files_hash = json["files_hash"].text();
  progress.loss = to_loss(json["loss"]);
  for (const auto& [file, hash] : json["starters"].fields())
    progress.starter_hashes[file] = hash.text();
  return progress;
}

// Moves the damaged file aside under a name that is free, and says so.
std::string keep_aside(const fs::path& path, std::string_view why) {
  for (int i = 1;; ++i) {
    const fs::path aside = path.string() + fmt::format(".damaged-{}", i);
    if (fs::exists(aside)) continue;
    std::error_code error;
    fs::rename(path, aside, error);
    if (error)
      give_up("{} is damaged ({}) and cannot be moved aside: {}.", path.string(), why,
              error.message());
    return fmt::format(
        "The record of your progress was damaged ({}); it is kept as {} and a new one begins. Your "
        "code is untouched: "
        "`./tools/percore check` on an exercise records it again.",
        why, aside.string());
  }
}

}  // namespace

State State::load(const fs::path& my) {
  State state;
  state.path_ = my / ".percore" / "state.json";
  const auto text = read_if_there(state.path_);
  if (!text) return state;
  const auto json = Json::parse(*text);
  if (!json || !json->is(Json::Type::object)) {
    state.notice = keep_aside(state.path_, "it is not JSON");
    return state;
  }
  if (const std::int64_t version = (*json)["version"].number(); version != FORMAT_VERSION) {
    state.notice =
        keep_aside(state.path_, fmt::format("version {} is not {}", version, FORMAT_VERSION));
    return state;
  }
  state.current = state.current_then_ = (*json)["current"].text();
  for (const auto& [number, progress] : (*json)["exercises"].fields())
    state.progress_[number] = to_progress(progress);
  return state;
}

void State::save() {
  const FolderLock lock(path_.parent_path());
  State newest = load(path_.parent_path().parent_path());
  for (const std::string& number : changed_) {
    Progress& theirs = newest.progress_[number];
    const unsigned hints = theirs.hints_shown;
    const bool seen = theirs.solution_seen;
    theirs = at(number);
    // These only grow: a hint may have been taken while a check of the same exercise ran.
    theirs.hints_shown = std::max(theirs.hints_shown, hints);
    theirs.solution_seen = theirs.solution_seen || seen;
  }
  Json exercises = Json::object();
  for (const auto& [number, progress] : newest.progress_) exercises.set(number, to_json(progress));
  Json out = Json::object();
  out.set("version", FORMAT_VERSION)
      .set("current", current == current_then_ ? newest.current : current)
      .set("exercises", std::move(exercises));
  write_if_changed(path_, out.pretty());
  current_then_ = current;
}

const Progress& State::at(const std::string& exercise_number) const {
  static const Progress NONE;
  const auto found = progress_.find(exercise_number);
  return found == progress_.end() ? NONE : found->second;
}

}  // namespace percore::tutor
