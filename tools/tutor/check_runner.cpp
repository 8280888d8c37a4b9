#include "check_runner.hpp"

#include "amount.hpp"
#include "count_steps.hpp"
#include "json.hpp"
#include "scratch.hpp"
#include "symbolize.hpp"
#include "tampering.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

namespace percore::tutor {

namespace {

// A signal as learners meet it.
std::string signal_words(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV, an address that is not valid";
    case SIGBUS:
      return "SIGBUS, an address that is not valid";
    case SIGFPE:
      return "SIGFPE, a division by zero";
    case SIGILL:
      return "SIGILL, a place that no program should reach: often a function that ends without its "
             "return";
    case SIGTRAP:
      return "SIGTRAP";
    case SIGABRT:
      return "SIGABRT";
    case SIGXFSZ:
      return "SIGXFSZ, a file that grew beyond 64 MiB";
    case SIGXCPU:
      return "SIGXCPU, a minute of processor time";
    case SIGPIPE:
      return "SIGPIPE, a write into a pipe that nobody reads";
    case SIGKILL:
      return "SIGKILL; out of memory, perhaps";
    case SIGALRM:
      return "SIGALRM, an alarm that it set itself";
    default:
      return fmt::format("signal {}", signal);
  }
}

// The last lines of what a program printed, indented, but for what the harness says. Empty when
// there are none.
std::string last_words(const std::string& output) {
  constexpr std::size_t lines_max = 20;
  std::vector<std::string> lines;
  for (const std::string& line : split_lines(output))
    if (!trimmed(line).empty() && !line.starts_with("percore: ")) lines.push_back(line);
  if (lines.empty()) return "";
  std::string out = "  Your program said:\n";
  if (lines.size() > lines_max)
    out += fmt::format("    ... {} lines before\n", lines.size() - lines_max);
  for (std::size_t i = lines.size() - std::min(lines.size(), lines_max); i < lines.size(); ++i)
    out += "    " + lines[i].substr(0, 160) + "\n";
  return out;
}

// The first lines of what a program printed, indented.
std::string excerpt(const std::string& output, std::size_t lines_max = 8) {
  std::string out;
  std::size_t shown_lines = 0;
  for (const std::string& line : split_lines(output)) {
    if (trimmed(line).empty()) continue;
    if (++shown_lines > lines_max) return out + "    ...\n";
    out += "    " + line.substr(0, 160) + "\n";
  }
  return out;
}

// "percore: file:12: words", as PERCORE_ASSERT and the harness print it before they abort.
std::string stop_sentence(const std::string& output) {
  std::string found;
  for (const std::string& line : split_lines(output)) {
    if (!line.starts_with("percore: ")) continue;
    std::string_view rest = std::string_view(line).substr(9);
    // "file:line: " is ours; the learner's place is told from the stack.
    for (std::size_t at = rest.find(':'); at != rest.npos; at = rest.find(':', at + 1)) {
      const std::size_t end = rest.find(": ", at + 1);
      if (end == rest.npos) break;
      const std::string_view number = rest.substr(at + 1, end - at - 1);
      if (!number.empty() && number.find_first_not_of("0123456789") == number.npos) {
        rest = rest.substr(end + 2);
        break;
      }
    }
    found = rest;
  }
  return found;
}

std::string sanitizer_sentence(const std::string& output) {
  for (const std::string_view mark : {"ERROR: AddressSanitizer: ", "runtime error: "}) {
    const std::size_t at = output.find(mark);
    if (at == output.npos) continue;
    std::string words = output.substr(at + mark.size(), output.find('\n', at) - at - mark.size());
    if (mark.starts_with("ERROR")) {
      words = words.substr(0, words.find(" on "));
      words = words.substr(0, words.find(" (pc"));
      return "AddressSanitizer found a " + words;
    }
    return "UndefinedBehaviorSanitizer found: " + words;
  }
  return "";
}

// glibc's last words where it finds that its heap is broken (malloc/malloc.c, malloc_printerr()).
bool found_broken_heap(const std::string& output) {
  const std::vector<std::string> lines = split_lines(output);
  constexpr std::string_view begins[] = {
      "malloc(): ",       "malloc_consolidate(): ",     "free(): ",  "realloc(): ",
      "munmap_chunk(): ", "double free or corruption ", "corrupted "};
  return std::ranges::any_of(lines, [&](const std::string& line) {
    return std::ranges::any_of(begins, [&](std::string_view one) { return line.starts_with(one); });
  });
}

std::string where_in_check(const Supervised& ran) {
  std::string out = fmt::format("seed {}", ran.page.seed);
  if (ran.page.operation != UINT64_MAX)
    out = fmt::format("operation {}, ", ran.page.operation) + out;
  return out;
}

std::string page_text(const char* text, std::size_t size) {
  return std::string(text, std::find(text, text + size, '\0'));
}

bool is_hang(const Supervised& ran) {
  return ran.ending == Ending::spun || ran.ending == Ending::waited;
}

// Two runs fail in the same way when this is the same.
// told  what the program reported, if it did.
std::string way_of_failing(const CheckVerdict* told, const Supervised& ran) {
  if (told != nullptr && told->kind == VerdictKind::wrong)
    return fmt::format("broken {} {}", told->invariant, told->oracle);
  if (told != nullptr) return "passed";
  return fmt::format("{} {} {} {} {} {}", static_cast<int>(ran.ending), ran.exit_status, ran.signal,
                     ran.page.stack_overflow,
                     page_text(ran.page.explanation, sizeof ran.page.explanation),
                     stop_sentence(ran.output) + sanitizer_sentence(ran.output));
}

// The page is written by a program that may have gone astray: its counts are not trusted.
Tried what_happened(const Supervised& ran) {
  const check::Page& page = ran.page;
  const auto within = [](std::uint64_t count, std::size_t most) {
    return static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(count, most));
  };
  Tried out;
  // Where limits are short: a hang costs 400 ms, and what ate memory or printed without end did not
  // do so at once.
  out.cost = is_hang(ran) ? 12 : ran.ending == Ending::ate_memory ? 12 : 1;
  out.sizes.assign(page.sizes, page.sizes + within(page.size_count, check::PAGE_SIZES_MAX));
  const sim::Ledger& ledger = page.ledger;
  for (std::ptrdiff_t i = 0; i < within(ledger.faults, sim::LEDGER_ENTRIES_MAX); ++i)
    if (ledger.fault[i].place != 0) out.faults.push_back(ledger.fault[i].place);
  std::ranges::sort(out.faults);
  out.switches.assign(ledger.switched,
                      ledger.switched + within(ledger.switches, sim::LEDGER_ENTRIES_MAX));
  return out;
}

}  // namespace

Supervised CheckRunner::start(const CheckProgram& program, std::vector<std::string> words,
                              bool hangs) const {
  words.insert(words.begin(), program.path.string());
  if (!answers_.empty()) {
    words.emplace_back("--answers");
    words.push_back(answers_.string());
  }
  words.insert(words.end(), words_.begin(), words_.end());
  Limits limits;
  // One seed, known to hang: a run that does not is done in a fraction of this.
  if (hangs) limits.spin = limits.wait = std::chrono::milliseconds(400);
  std::vector<std::string> environment;
  if (sanitized_) {
    limits.spin *= 4;
    limits.wait *= 2;
    limits.resident_bytes_max *= 2;
    // The symbolizer would be a process of its own, which a check may not start: the tutor does
    // that afterwards.
    environment = {
        "ASAN_OPTIONS=detect_leaks=0:symbolize=0:detect_stack_use_after_return=1:abort_on_error=1:"
        "handle_abort=0:"
        "allocator_may_return_null=1",
        "UBSAN_OPTIONS=print_stacktrace=1:symbolize=0:halt_on_error=1"};
  }
  const ScratchFolder scratch(program.path.parent_path());
  environment.push_back("TMPDIR=" + scratch.path().string());
  return supervise(words, scratch.path(), limits, true, environment);
}

// The innermost frames of which the program itself knows the lines, or that are not its own.
std::span<const std::uint64_t> CheckRunner::with_lines(
    const CheckProgram& program, const std::vector<std::uint64_t>& addresses) {
  if (program.lined == nullptr) return addresses;
  std::vector<std::uint64_t> calls = addresses;
  for (std::size_t i = 1; i < calls.size(); ++i) --calls[i];  // of return addresses
  const std::vector<SourcePlace> places = places_of(program.path, calls);
  std::size_t count = 0;
  // It is not position-independent: what lies above it are libraries.
  constexpr std::uint64_t program_end = 1ULL << 32;
  while (count < places.size() && (places[count].line != 0 || addresses[count] >= program_end))
    ++count;
  return std::span(addresses).first(count);
}

std::string CheckRunner::place(const CheckProgram& program, const Supervised& ran) const {
  std::vector<std::uint64_t> addresses = sanitizer_addresses(ran.output);
  if (addresses.empty())
    addresses.assign(
        ran.page.frames,
        ran.page.frames + std::min<std::uint32_t>(ran.page.frame_count, check::PAGE_FRAMES_MAX));
  // Up to the first frame without a line what is known is the place; a header's may be behind it.
  auto found = place_in(program.path, with_lines(program, addresses), sources_, root_);
  if (!found && !addresses.empty() && program.lined != nullptr &&
      build_.build({program.lined.get(), 1}).built &&
      have_the_same_code(program.path, program.lined->path))
    found = place_in(program.lined->path, addresses, sources_, root_);
  if (!found) return "";
  return fmt::format("{}:{}, in {}", found->file, found->line, found->function);
}

void CheckRunner::tell_crash(const CheckProgram& program, const Supervised& ran,
                             CheckVerdict& verdict) const {
  verdict.kind = VerdictKind::crash;
  const std::string at = place(program, ran);
  const std::string where = at.empty() ? "" : " at " + at;
  const std::string sanitizer = sanitizer_sentence(ran.output);
  const std::string stopped = stop_sentence(ran.output);
  std::string explanation = page_text(ran.page.explanation, sizeof ran.page.explanation);
  // What liburing's functions give is no explanation for a file that calls none of them.
  const fs::path file = root_ / at.substr(0, at.find(':'));
  if (!at.empty() && read_if_there(file).value_or("").find("io_uring_") == std::string::npos)
    explanation = explanation.substr(0, explanation.find("; io_uring_get_sqe"));
  if (!sanitizer.empty()) {
    verdict.sentence = sanitizer + where;
  } else if (ran.page.stack_overflow != 0) {
    verdict.sentence = fmt::format(
        "the stack overflowed{}: calls are nested without end, or a coroutine resumes another "
        "inside its own resume",
        where);
  } else if (ran.signal == SIGABRT && !stopped.empty()) {
    verdict.sentence = fmt::format("the program was stopped{}: {}", where, stopped);
    // The executor knows how many tasks wait, and the check what for.
    const std::string waits_for = page_text(ran.page.waits_for, sizeof ran.page.waits_for);
    if (stopped.find("can no longer happen") != stopped.npos && !waits_for.empty())
      verdict.sentence += "; the check waits for " + waits_for;
  } else if (ran.signal == SIGABRT && found_broken_heap(ran.output)) {
    verdict.heap = true;
    verdict.sentence = fmt::format(
        "the heap was found broken{}: before that, memory was written past its end, used after its "
        "free, or freed twice",
        where);
  } else {
    verdict.sentence = fmt::format("the program crashed{} ({})", where, signal_words(ran.signal));
    if (!explanation.empty()) verdict.sentence += ": " + explanation;
  }
  if (sanitizer.empty()) verdict.detail = last_words(ran.output);
}

void CheckRunner::tell_ending(const CheckProgram& program, const Supervised& ran,
                              CheckVerdict& verdict) const {
  verdict.seed = ran.page.seed;
  verdict.has_seed = ran.page.magic == check::PAGE_MAGIC && !program.real && !program.explored;
  const std::string waits_for = page_text(ran.page.waits_for, sizeof ran.page.waits_for);
  const auto where = [&] {
    const std::string at = place(program, ran);
    return at.empty() ? "" : " at " + at;
  };
  switch (ran.ending) {
    case Ending::exited:
      if (ran.page.stage == check::STAGE_REPORTED) {
        verdict.kind = VerdictKind::tampering;
        verdict.sentence =
            "the program closed or replaced descriptors that are not its own: the checker's report "
            "went nowhere, so nothing is known";
        break;
      }
      verdict.kind = VerdictKind::early_exit;
      verdict.sentence = fmt::format(
          "the program ended with exit status {} before the check was done: something called exit, "
          "or returned from main",
          ran.exit_status);
      if (const std::string printed = excerpt(ran.output); !printed.empty())
        verdict.detail = "  It printed (which is no pass):\n" + printed;
      break;
    case Ending::signalled:
      tell_crash(program, ran, verdict);
      break;
    case Ending::spun:
      verdict.kind = VerdictKind::spins;
      verdict.sentence =
          fmt::format("the program spins{}: it uses the processor and gets no further{}", where(),
                      waits_for.empty() ? "" : "; the check waits for " + waits_for);
      break;
    case Ending::waited:
      verdict.kind = VerdictKind::waits;
      verdict.sentence = fmt::format("the program waits{}{} and nothing will wake it{}",
                                     ran.waits_in.empty() ? "" : " in " + ran.waits_in, where(),
                                     waits_for.empty() ? "" : "; the check waits for " + waits_for);
      break;
    case Ending::out_of_time:
      verdict.kind = VerdictKind::slow;
      verdict.sentence = "the program gets on, but needed more than a minute";
      break;
    case Ending::flooded:
      verdict.kind = VerdictKind::flood;
      verdict.sentence = "the program printed more than 1 MiB and was stopped";
      verdict.detail = "  It begins:\n" + excerpt(ran.output, 3);
      break;
    case Ending::flooded_report:
      verdict.kind = VerdictKind::tampering;
      verdict.sentence =
          "the program wrote more than 1 MiB to the checker's own descriptor and was stopped";
      break;
    case Ending::forked:
      verdict.kind = VerdictKind::forks;
      verdict.sentence = fmt::format(
          "the program tried to start a process{} (fork, system, exec); in a check it may not",
          where());
      break;
    case Ending::ate_memory:
      verdict.kind = VerdictKind::memory;
      verdict.sentence = "the program took more than 512 MiB of memory and was stopped";
      break;
    case Ending::filled_disk:
      verdict.kind = VerdictKind::disk;
      verdict.sentence =
          "the program wrote more than 256 MiB, 10,000 files, or folders 32 deep, and was stopped; "
          "all of it is removed again";
      break;
    case Ending::ran_wild:
      verdict.kind = VerdictKind::threads;
      verdict.sentence = "the program started more than 1,000 threads and was stopped";
      break;
  }
  if (verdict.detail.empty() && !sanitized_) verdict.detail = last_words(ran.output);
  if (!program.explored) verdict.sentence += fmt::format(" ({})", where_in_check(ran));
}

// Only the harness knows the number that this run was given: other words on its descriptor are the
// program's.
static bool has_nonce(const Json& event, const Supervised& ran) {
  return static_cast<std::uint64_t>(event["nonce"].number()) == ran.nonce;
}

// What in the program's own list says that it is not the checker we compiled; empty when it is.
static std::string changed_checker(const CheckProgram& program,
                                   const std::vector<ManifestEntry>& listed) {
  for (const ManifestEntry& entry : listed)
    if (std::ranges::count(listed, entry.name, &ManifestEntry::name) != 1)
      return fmt::format(
          "the check `{}` is listed more than once: your code writes to the checker's own "
          "descriptor",
          entry.name);
  if (program.checks.empty()) return "";  // the learner's own checks: a catch exercise
  for (const std::string& name : check_names(program.checks))
    if (std::ranges::find(listed, name, &ManifestEntry::name) == listed.end())
      return fmt::format(
          "the check `{}` is not in the program: a macro or a static initialiser of yours changes "
          "the checker",
          name);
  return "";
}

std::vector<ManifestEntry> CheckRunner::manifest(const CheckProgram& program,
                                                 std::optional<CheckVerdict>& broken) const {
  broken = CheckVerdict{};
  broken->program = program.stem;
  broken->name = "start";
  broken->statement = "the program starts";
  broken->kind = VerdictKind::tampering;
  if (const auto foreign = foreign_symbol(program)) {
    broken->sentence = *foreign;
    return {};
  }
  const Supervised ran = start(program, {"--list"});
  std::vector<ManifestEntry> out;
  bool whole = false;
  for (const std::string& line : split_lines(ran.report)) {
    const auto json = Json::parse(line);
    if (json && (*json)["event"].text() == "end") whole = has_nonce(*json, ran);
    if (!json || (*json)["event"].text() != "check") continue;
    out.push_back({.name = (*json)["name"].text(),
                   .step = (*json)["step"].text(),
                   .invariant = (*json)["invariant"].text(),
                   .statement = (*json)["statement"].text(),
                   .lesson = (*json)["lesson"].text(),
                   .seeds = static_cast<std::uint64_t>((*json)["seeds"].number()),
                   .operations = static_cast<std::uint64_t>((*json)["operations"].number()),
                   .ring = (*json)["ring"].truth()});
  }
  whole = whole && ran.ending == Ending::exited && ran.exit_status == 0;
  std::string changed;
  if (whole) changed = changed_checker(program, out);
  if (whole && changed.empty()) {
    broken.reset();
    return out;
  }
  if (whole) {
    broken->sentence = changed;
    return {};
  }
  tell_ending(program, ran, *broken);
  broken->has_seed = false;
  return {};
}

CheckRunner::Outcome CheckRunner::run_once(const CheckProgram& program, const ManifestEntry& check,
                                           const std::string& seeds, const SmallCase& small,
                                           bool hangs) const {
  std::vector<std::string> words = {"--check", check.name};
  if (!seeds.empty()) words.insert(words.end(), {"--seeds", seeds});
  const auto smaller = to_words(small);
  words.insert(words.end(), smaller.begin(), smaller.end());

  Outcome out;
  out.ran = start(program, std::move(words), hangs);
  const Supervised& ran = out.ran;
  CheckVerdict& verdict = out.verdict;
  verdict.name = check.name;
  verdict.step = program.step.empty() ? check.step : program.step;
  verdict.program = program.stem;
  verdict.invariant = check.invariant;
  verdict.statement = check.statement;
  verdict.lesson = check.lesson;
  verdict.real = program.real;
  verdict.small = small;
  verdict.drawable = check.ring && !program.real;
  verdict.explored = program.explored;
  // Only a program that ended by itself has a report: of one that had to be stopped, the ending is
  // the verdict.
  const std::string report = ran.ending == Ending::exited ? ran.report : "";
  for (const std::string& line : split_lines(report)) {
    const auto parsed = Json::parse(line);
    if (!parsed) continue;
    const Json& json = *parsed;
    const std::string& event = json["event"].text();
    if (event == "passed" && has_nonce(json, ran)) {
      verdict.seeds = static_cast<std::uint64_t>(json["seeds"].number());
      verdict.detail = last_words(ran.output);
      out.reported = true;
      if (seeds.empty() && verdict.seeds < check.seeds) {
        verdict.kind = VerdictKind::tampering;
        verdict.sentence =
            fmt::format("only {} of {} seeds were run: your code changes the checker",
                        verdict.seeds, check.seeds);
      }
      return out;
    }
    // Only the kernel's ring can be missing, and a processor's way to count.
    if (event == "skipped" && (program.real || program.counted) && has_nonce(json, ran)) {
      verdict.skipped = true;
      verdict.sentence = json["sentence"].text();
      out.reported = true;
      return out;
    }
    if (event == "broken") {
      verdict.kind = VerdictKind::wrong;
      verdict.invariant = json["invariant"].text();
      verdict.statement = json["statement"].text();
      verdict.of_another =
          verdict.invariant != check.invariant && verdict.statement == check.statement;
      verdict.lesson = json["lesson"].text();
      verdict.sentence = json["sentence"].text();
      verdict.oracle = json["oracle"].text();
      verdict.history = json["history"].text();
      verdict.seed = static_cast<std::uint64_t>(json["seed"].number());
      verdict.has_seed = !program.real && !program.explored;
      verdict.detail = last_words(ran.output);
      out.reported = true;
      return out;
    }
  }
  return out;
}

CheckVerdict CheckRunner::tell(const CheckProgram& program, Outcome outcome) const {
  if (!outcome.reported) tell_ending(program, outcome.ran, outcome.verdict);
  if (outcome.verdict.kind != VerdictKind::passed && outcome.verdict.has_seed)
    outcome.verdict.smallest = amount(outcome.ran.page.ledger);
  return std::move(outcome.verdict);
}

// The fewest operations, faults and switches with which the same invariant breaks, or the program
// ends, in the same way. Deterministic, so that the same seed is told in the same words again.
CheckVerdict CheckRunner::shrunk(const CheckProgram& program, const ManifestEntry& check,
                                 Outcome found, unsigned budget) const {
  const Supervised& ran = found.ran;
  const bool passed = found.reported && found.verdict.kind == VerdictKind::passed;
  const bool begun = ran.page.magic == check::PAGE_MAGIC && ran.page.stage != check::STAGE_START;
  if (passed || found.verdict.skipped || program.real || program.explored || !begun ||
      budget == 0 || ran.ending == Ending::out_of_time)
    return tell(program, std::move(found));
  const std::uint64_t seed = ran.page.seed;
  const auto way_of = [](const Outcome& outcome) {
    return way_of_failing(outcome.reported ? &outcome.verdict : nullptr, outcome.ran);
  };
  const std::string way = way_of(found);
  const bool hangs = is_hang(ran);
  const auto attempt = [&](const SmallCase& smaller) {
    Outcome tried = run_once(program, check, fmt::format("{}..{}", seed, seed), smaller, hangs);
    Tried out = what_happened(tried.ran);
    out.fails = way_of(tried) == way;
    if (out.fails) found = std::move(tried);
    return out;
  };
  const Tried whole = what_happened(ran);
  shrink(whole, attempt, budget);
  return tell(program, std::move(found));
}

CheckVerdict CheckRunner::run_range(const CheckProgram& program, const ManifestEntry& check,
                                    std::uint64_t first, std::uint64_t last,
                                    unsigned shrink_budget) const {
  const std::string seeds = fmt::format("{}..{}", first, last);
  return shrunk(program, check, run_once(program, check, seeds, {}), shrink_budget);
}

CheckVerdict CheckRunner::run(const CheckProgram& program, const ManifestEntry& check,
                              std::optional<std::uint64_t> seed, std::uint64_t seeds_max,
                              unsigned shrink_budget) const {
  std::string seeds;
  if (seed)
    seeds = fmt::format("{}..{}", *seed, *seed);
  else if (seeds_max < check.seeds)
    seeds = fmt::format("0..{}", seeds_max - 1);
  return shrunk(program, check, run_once(program, check, seeds, {}), shrink_budget);
}

CheckVerdict CheckRunner::run_small(const CheckProgram& program, const ManifestEntry& check,
                                    std::uint64_t seed, const SmallCase& small) const {
  return tell(program, run_once(program, check, fmt::format("{}..{}", seed, seed), small));
}

std::optional<Measured> CheckRunner::measure(const CheckProgram& program,
                                             const ManifestEntry& check,
                                             std::chrono::steady_clock::time_point deadline) const {
  const Supervised ran = start(program, {"--check", check.name, "--seeds", "0..0"});
  for (const std::string& line : split_lines(ran.report)) {
    const auto json = Json::parse(line);
    if (!json || (*json)["event"].text() != "measured") continue;
    Measured out;
    out.what = (*json)["what"].text();
    out.operations = static_cast<std::uint64_t>((*json)["operations"].number());
    const auto each = static_cast<double>(out.operations);
    out.enters = static_cast<double>((*json)["enters"].number()) / each;
    out.allocations = static_cast<double>((*json)["allocations"].number()) / each;
    out.instructions = static_cast<double>(count_steps(program.path, check.name, deadline)) / each;
    return out;
  }
  return {};
}

}  // namespace percore::tutor
