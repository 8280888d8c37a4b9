#include "workspace.hpp"

#include "problem.hpp"

#include <sys/stat.h>

#include <charconv>
#include <ctime>

namespace percore::tutor {

std::vector<std::string> Workspace::prepare(const Exercise& exercise) {
  std::vector<std::string> made;
  for (const std::string& file : exercise.files) {
    const fs::path mine = lesson_folder(exercise) / file;
    if (fs::exists(mine)) continue;
    const std::string text = read_file(starter(exercise, file));
    write_file(mine, text);
    state_.of(exercise.number).starter_hashes[file] = hash_of(text);
    made.push_back(shown(mine, course_.root));
  }
  if (!made.empty()) state_.save();
  return made;
}

bool Workspace::begun(const Exercise& exercise) const {
  for (const std::string& file : exercise.files)
    if (!fs::exists(lesson_folder(exercise) / file)) return false;
  return true;
}

bool Workspace::changed(const Exercise& exercise) const {
  const Progress& progress = state_.at(exercise.number);
  for (const std::string& file : exercise.files) {
    const auto text = read_if_there(lesson_folder(exercise) / file);
    const auto known = progress.starter_hashes.find(file);
    const std::string was = known != progress.starter_hashes.end()
                                ? known->second
                                : hash_of(read_if_there(starter(exercise, file)).value_or(""));
    if (text && hash_of(*text) != was) return true;
  }
  return false;
}

std::vector<std::string> Workspace::starters_updated(const Exercise& exercise) const {
  std::vector<std::string> updated;
  for (const auto& [file, hash] : state_.at(exercise.number).starter_hashes) {
    const auto now = read_if_there(starter(exercise, file));
    if (now && hash_of(*now) != hash) updated.push_back(file);
  }
  return updated;
}

void Workspace::accept_starters(const Exercise& exercise) {
  for (auto& [file, hash] : state_.of(exercise.number).starter_hashes)
    if (const auto now = read_if_there(starter(exercise, file))) hash = hash_of(*now);
  state_.save();
}

fs::path Workspace::back_up(const Exercise& exercise) {
  char when[32];
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  std::strftime(when, sizeof when, "%Y-%m-%d_%H-%M-%S", &parts);
  fs::path folder = my() / ".percore" / "backup" / when;
  for (int i = 2; fs::exists(folder); ++i)
    folder = my() / ".percore" / "backup" / fmt::format("{}_{}", when, i);
  bool any = false;
  for (const std::string& file : exercise.files) {
    const fs::path mine = lesson_folder(exercise) / file;
    if (!fs::exists(mine)) continue;
    copy_whole(mine, folder / exercise.lesson / file);
    any = true;
  }
  return any ? folder : fs::path();
}

fs::path Workspace::reset(const Exercise& exercise) {
  // All starters are read before the first file is touched: a missing one must not leave half a
  // reset.
  std::vector<std::string> texts;
  for (const std::string& file : exercise.files)
    texts.push_back(read_file(starter(exercise, file)));
  const fs::path kept = back_up(exercise);
  Progress& progress = state_.of(exercise.number);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    write_file(lesson_folder(exercise) / exercise.files[i], texts[i]);
    progress.starter_hashes[exercise.files[i]] = hash_of(texts[i]);
  }
  progress.solved = false;
  progress.steps_passed.clear();
  state_.save();
  return kept;
}

fs::path Workspace::take_solution(const Exercise& exercise) {
  std::vector<std::string> texts;
  for (const std::string& file : exercise.files)
    texts.push_back(read_file(course_.root / "solutions" / exercise.lesson / file));
  const fs::path kept = back_up(exercise);
  for (std::size_t i = 0; i < texts.size(); ++i)
    write_file(lesson_folder(exercise) / exercise.files[i], texts[i]);
  state_.of(exercise.number).solution_seen = true;
  state_.save();
  return kept;
}

std::string Workspace::files_hash(const Exercise& exercise, const fs::path& folder) {
  std::string all;
  for (const std::string& file : exercise.files)
    all += read_if_there(folder / file).value_or("") + '\0';
  return hash_of(all);
}

Workspace::Contract Workspace::contract(const Exercise& exercise) const {
  if (exercise.module().empty()) return {};
  const auto text = read_if_there(course_.root / "runtime" / "contracts" / "percore" / "contract" /
                                  (exercise.module() + ".hpp"));
  if (!text) return {};
  Contract out{.version = 1, .hash = hash_of(*text)};
  // "inline constexpr int ring_contract_version = 1;"
  if (const std::size_t at = text->find("contract_version"); at != text->npos) {
    const std::size_t digit = text->find_first_of("0123456789", at);
    if (digit != text->npos)
      std::from_chars(text->data() + digit, text->data() + text->size(), out.version);
  }
  return out;
}

Workspace::Standing Workspace::standing(const Exercise& exercise) const {
  const Progress& progress = state_.at(exercise.number);
  if (!progress.solved) return Standing::ours;
  if (files_hash(exercise, lesson_folder(exercise)) != progress.files_hash)
    return Standing::file_changed;
  if (contract(exercise).version != progress.contract) return Standing::contract_changed;
  return Standing::mine;
}

}  // namespace percore::tutor
