// The main function of every check program: --list prints the manifest; --check NAME runs one check
// over its seeds. The tutor is its usual caller; by hand, `ring_harvest --check
// each_completion_once --seeds 17..17` works as well.

#include "harness.hpp"

#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace percore::check {
namespace {

constexpr std::string_view USAGE =
    "usage: PROGRAM --list [--report-fd N]\n"
    "       PROGRAM --check NAME [--seeds A..B] [--answers FILE]\n"
    "               [--size-limits N,N] [--only-faults none|N,N] [--only-switches none|N,N]\n"
    "               [--report-fd N] [--page-fd N]\n";

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    fmt::print(stderr, "'{}' is no number\n{}", text, USAGE);
    std::exit(2);
  }
  return value;
}

std::vector<std::uint64_t> numbers(std::string_view text) {
  std::vector<std::uint64_t> out;
  if (text == "none") return out;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    out.push_back(number(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

Arguments parse(int count, char** words) {
  Arguments out;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--list") {
      out.list = true;
      continue;
    }
    if (i + 1 >= count) {
      fmt::print(stderr, "'{}' needs a value\n{}", word, USAGE);
      std::exit(2);
    }
    const std::string_view value = words[++i];
    if (word == "--check")
      out.check = value;
    else if (word == "--report-fd")
      out.report_descriptor = static_cast<int>(number(value));
    else if (word == "--page-fd")
      out.page_descriptor = static_cast<int>(number(value));
    else if (word == "--answers")
      out.answers_path = value;
    else if (word == "--option")
      out.overrides.emplace_back(value);
    else if (word == "--fault")
      out.scripted_faults.emplace_back(value);
    else if (word == "--stepped")
      out.stepped = number(value) != 0;
    else if (word == "--size-limits")
      out.size_limits = numbers(value);
    else if (word == "--only-faults")
      out.only_faults = numbers(value);
    else if (word == "--only-switches")
      out.only_switches = numbers(value);
    else if (word == "--seeds") {
      const std::size_t dots = value.find("..");
      out.seed_first = number(value.substr(0, dots));
      out.seed_last = dots == value.npos ? out.seed_first : number(value.substr(dots + 2));
    } else {
      fmt::print(stderr, "unknown option '{}'\n{}", word, USAGE);
      std::exit(2);
    }
  }
  return out;
}

// The page is shared when a supervisor gave one, private else. The nonce is taken out of it before
// the learner's code runs.
Page* map_page(int descriptor) {
  const bool shared = descriptor >= 0;
  void* memory = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE,
                      shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, descriptor, 0);
  if (memory == MAP_FAILED) {
    fmt::print(stderr, "cannot map the page shared with the tutor: {}\n", std::strerror(errno));
    std::exit(3);
  }
  Page* page = static_cast<Page*>(memory);
  if (shared) close(descriptor);
  state().nonce = page->nonce;
  page->nonce = 0;
  page->magic = PAGE_MAGIC;
  page->operation = UINT64_MAX;
  return page;
}

std::string trimmed_lower(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

void read_answers(const std::string& path) {
  if (path.empty()) return;
  std::ifstream file(path);
  if (!file) {
    fmt::print(stderr, "cannot read the answers in {}: {}\n", path, std::strerror(errno));
    std::exit(3);
  }
  for (std::string line; std::getline(file, line);) {
    if (const std::size_t remark = line.find('#'); remark != line.npos) line.resize(remark);
    const std::size_t colon = line.find(':');
    if (colon == line.npos) continue;
    state().answers.emplace_back(trimmed_lower(std::string_view(line).substr(0, colon)),
                                 trimmed_lower(std::string_view(line).substr(colon + 1)));
  }
}

const Check* find_check(std::string_view name) {
  for (const Check* check = first_check(); check != nullptr; check = check->next)
    if (name == check->name) return check;
  fmt::print(stderr, "no check '{}' in this program; --list shows them\n", name);
  std::exit(2);
}

void run_seed(std::uint64_t seed) {
  State& now = state();
  now.seed = seed;
  now.random_state = seed * 0x2545f4914f6cdd1dU + 1;
  now.page->seed = seed;
  now.page->operation = UINT64_MAX;
  now.page->waits_for[0] = '\0';
  now.page->size_count = 0;
  now.page->stage = STAGE_BODY;
  Run run;
  flavour_listen();
  if (now.check->traits.ring) flavour_begin();
  now.check->body(run);
  now.page->stage = STAGE_FINAL_ORACLES;
  if (now.check->traits.ring) flavour_end();
  ++now.seeds_run;
}

int run_check() {
  State& now = state();
  now.check = find_check(now.arguments.check);
  if (now.check->body == nullptr) {  // see check_only.hpp
    fmt::print(stderr,
               "this program was made for another check a moment ago: let one percore at a time "
               "look at an exercise\n");
    std::exit(2);
  }
  std::strncpy(now.page->check, now.check->name, sizeof now.page->check - 1);
  std::uint64_t last = now.arguments.seed_last;
  if (last == UINT64_MAX)
    last = now.arguments.seed_first + (flavour_simulated() ? now.check->traits.seeds : 1) - 1;
  for (std::uint64_t seed = now.arguments.seed_first; seed <= last; ++seed) run_seed(seed);
  now.page->stage = STAGE_DONE;
  if (now.check->operations > 0)
    report_measured();
  else
    report_passed();
  // No static destructor of the learner's may still change the verdict.
  std::fflush(nullptr);
  _exit(0);
}

int main_of_checks(int count, char** words) {
  State& now = state();
  now.arguments = parse(count, words);
  now.page = map_page(now.arguments.page_descriptor);
  if (now.arguments.list) {
    catch_signals();
    report_manifest();
    return 0;  // through the learner's static destructors: here they may tell what they do
  }
  if (now.arguments.check.empty()) {
    fmt::print(stderr, "{}", USAGE);
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // what was printed before a crash is not lost
  catch_signals();
  read_answers(now.arguments.answers_path);
  return run_check();
}

}  // namespace
}  // namespace percore::check

int main(int count, char** words) {
  return percore::check::main_of_checks(count, words);
}
