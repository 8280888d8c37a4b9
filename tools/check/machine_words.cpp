#include <percore/machine_words.hpp>

#include <utility>

namespace percore::check {

namespace {

void tell(std::string& text, std::vector<CpuPlace> cpus, std::size_t level) {
  if (level == 4) {
    for (std::size_t i = 0; i != cpus.size(); ++i) {
      if (i != 0) text += ',';
      text += std::to_string(cpus[i][level]);
    }
    return;
  }
  while (!cpus.empty()) {
    std::vector<CpuPlace> part, others;
    for (const CpuPlace& cpu : cpus)
      (cpu[level] == cpus.front()[level] ? part : others).push_back(cpu);
    text += "{<[("[level];
    tell(text, std::move(part), level + 1);
    text += "}>])"[level];
    cpus = std::move(others);
  }
}

}  // namespace

std::string machine_in_words(std::vector<CpuPlace> cpus) {
  std::string text;
  tell(text, std::move(cpus), 0);
  return text;
}

}  // namespace percore::check
