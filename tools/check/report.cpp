// The report: one JSON object a line, on a descriptor that the learner's code does not know. A pass
// is only a pass when it repeats the supervisor's nonce, so an early exit or printed words can
// never look like one.

#include "harness.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

namespace percore::check {

namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
          out += c;
    }
  }
  return out + '"';
}

void write_line(std::string line) {
  state().page->stage = STAGE_REPORTED;
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t wrote = write(state().arguments.report_descriptor, rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) _exit(3);  // the supervisor is gone
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

}  // namespace

void report_manifest() {
  for (const Check* check = first_check(); check != nullptr; check = check->next)
    write_line(fmt::format(
        R"({{"event":"check","step":{},"name":{},"invariant":{},"statement":{},"lesson":{},)"
        R"("seeds":{},"operations":{},"ring":{}}})",
        quoted(check->step), quoted(check->name), quoted(check->invariant),
        quoted(check->statement), quoted(check->lesson),
        flavour_simulated() ? check->traits.seeds : 1, check->operations, check->traits.ring));
  // A list without it was cut short, or is not the harness's own.
  write_line(fmt::format(R"({{"event":"end","nonce":{}}})", state().nonce));
}

void report_passed() {
  write_line(fmt::format(R"({{"event":"passed","name":{},"seeds":{},"nonce":{}}})",
                         quoted(state().check->name), state().seeds_run, state().nonce));
}

void report_skipped(std::string_view sentence) {
  write_line(fmt::format(R"({{"event":"skipped","name":{},"sentence":{},"nonce":{}}})",
                         quoted(state().check->name), quoted(sentence), state().nonce));
  _exit(0);
}

void report_measured() {
  const State& now = state();
  write_line(fmt::format(R"({{"event":"measured","name":{},"what":{},"operations":{},)"
                         R"("enters":{},"allocations":{},"nonce":{}}})",
                         quoted(now.check->name), quoted(now.check->statement),
                         now.check->operations, now.counted.enters, now.counted.allocations,
                         now.nonce));
}

void report_broken(std::string_view invariant, std::string_view lesson, std::string_view statement,
                   std::string_view sentence, std::string_view oracle,
                   std::string_view history) noexcept {
  static bool reporting = false;
  std::fflush(stdout);      // what the learner printed leads to the mistake
  if (reporting) _exit(1);  // an oracle that strikes while we report: the first finding counts
  reporting = true;
  const State& now = state();
  write_line(fmt::format(
      R"({{"event":"broken","name":{},"step":{},"invariant":{},"statement":{},"lesson":{},)"
      R"("sentence":{},"oracle":{},"history":{},"seed":{},"seeds":{}}})",
      quoted(now.check->name), quoted(now.check->step), quoted(invariant), quoted(statement),
      quoted(lesson), quoted(sentence), quoted(oracle), quoted(history), now.seed, now.seeds_run));
  _exit(1);
}

}  // namespace percore::check
