// What a power failure leaves of a saved file. It runs on the simulated ring's disk: the power
// fails once at each change that the program makes, and each failure is survived in several ways.
#include <command_line.hpp>
#include <percore/immutable_file.hpp>
#include <percore/sim.hpp>
#include <percore/sim_crash.hpp>
#include <string>

#include <fmt/core.h>

namespace {

using percore::DmaArena;
using percore::DmaBuffer;
using percore::DmaFile;
using percore::DmaOpen;
using percore::JoinHandle;
using percore::Result;
using percore::Task;
namespace sim = percore::sim;

constexpr const char* path = "/sim/balance";
constexpr const char* part = "/sim/balance.part";
constexpr std::size_t blocks = 4;

enum class Mistake { none, early_sync, no_rename, no_directory_sync, sync_again };

// The new content: four blocks, each of one letter.
std::string new_content() {
  std::string text;
  for (std::size_t i = 0; i < blocks; ++i)
    text += std::string(percore::dma_granule_bytes, static_cast<char>('a' + i));
  return text;
}

Task<Result<void>> writes_block(DmaFile& file, std::size_t number) {
  const Result<DmaBuffer> block = co_await file.arena().allocate(percore::dma_granule_bytes);
  for (std::byte& byte : block->bytes()) byte = std::byte('a' + number);
  co_return co_await file.write(block->bytes(), number * percore::dma_granule_bytes);
}

// Past DmaFile, which would wait for the writes: the call alone, as it is easily written.
Task<bool> syncs(const std::string& name) {
  io_uring_sqe entry{};
  io_uring_prep_openat(&entry, AT_FDCWD, name.c_str(), O_RDWR, 0);
  const auto fd = co_await percore::perform(entry);
  if (!fd) co_return false;
  io_uring_prep_fsync(&entry, static_cast<int>(*fd), IORING_FSYNC_DATASYNC);
  const auto synced = co_await percore::perform(entry);
  io_uring_prep_close(&entry, static_cast<int>(*fd));
  co_await percore::perform(entry);
  co_return synced.has_value();
}

// Saves the new content; true is a promise that it is there from now on.
Task<bool> saves(Mistake mistake) {
  DmaArena arena({.bytes = 64 << 10});
  const std::string name = mistake == Mistake::no_rename ? path : part;
  Result<DmaFile> file = co_await DmaFile::open(arena, name, DmaOpen::create);
  if (!file) co_return false;
  std::vector<JoinHandle<Result<void>>> writes;
  for (std::size_t i = 0; i < blocks; ++i) writes.push_back(percore::spawn(writes_block(*file, i)));
  bool good = true;
  if (mistake == Mistake::early_sync) good = co_await syncs(name);
  for (auto& write : writes) {
    const Result<void> written = co_await write;
    good = good && written.has_value();
  }
  if (mistake == Mistake::sync_again) {
    bool synced = co_await syncs(name);
    if (!synced) synced = co_await syncs(name);  // "it may have been a hiccup"
    good = good && synced;
  } else if (mistake != Mistake::early_sync) {
    const Result<void> synced = co_await file->fdatasync();
    good = good && synced.has_value();
  }
  const Result<void> closed = co_await file->close();
  good = good && closed.has_value();
  if (!good) co_return false;
  if (mistake == Mistake::no_rename) co_return true;
  const Result<void> renamed = co_await percore::rename_file(part, path);
  if (!renamed || mistake == Mistake::no_directory_sync) co_return renamed.has_value();
  const Result<void> named = co_await percore::sync_directory("/sim");
  co_return named.has_value();
}

struct Outcomes {
  std::uint64_t failures = 0;  // of the power
  std::uint64_t promised = 0;  // of these, those after "it is saved"
  std::uint64_t broken = 0;    // of these, those in which it was not
  std::uint64_t old = 0, whole = 0, neither = 0;
};

Outcomes power_fails_everywhere(Mistake mistake) {
  Outcomes outcomes;
  bool promised = false;
  sim::Options options = sim::gentle(7);
  options.files_in_memory = "/sim";
  // A disk that cannot write now and then: what the kernel was asked to sync it then forgets.
  options.sync_error_percent = mistake == Mistake::sync_again ? 50 : 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    options.seed = seed;
    outcomes.failures += sim::for_each_crash(
        options, 5,
        [&] {
          promised = false;
          sim::make_file(path, "the old content");
          percore::Executor executor;
          const bool saved = executor.run(saves(mistake));
          promised = saved && !sim::crashed();
        },
        [&](std::uint64_t, std::uint64_t) {
          const auto found = sim::file_content(path);
          const bool whole = found == new_content();
          const bool old = found == "the old content";
          outcomes.whole += whole;
          outcomes.old += old;
          outcomes.neither += !whole && !old;
          outcomes.promised += promised;
          outcomes.broken += promised && !whole;
        });
  }
  return outcomes;
}

void show(const char* what, Mistake mistake) {
  const Outcomes outcomes = power_fails_everywhere(mistake);
  fmt::print("{:<36}{:>9}{:>9}{:>9}{:>9}{:>12}\n", what, outcomes.failures, outcomes.old,
             outcomes.whole, outcomes.neither,
             fmt::format("{} of {}", outcomes.broken, outcomes.promised));
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line(
      "Saves a file on a simulated disk whose power fails at each change, and shows what is left.",
      "power_failure");
  std::string mistake;
  line.sabotage(mistake, {{"no-rename", "the old file is overwritten in its place"},
                          {"early-sync", "the sync is asked for while writes are under way"},
                          {"no-directory-sync", "the new name is not synced"},
                          {"sync-again", "a sync that failed is tried again"}});
  if (const auto status = line.parse(argc, argv)) return *status;
  fmt::print("{:<36}{:>9}{:>9}{:>9}{:>9}{:>12}\n", "", "failures", "old", "new", "neither", "lied");
  show("written, synced, renamed, synced", Mistake::none);
  if (mistake == "no-rename") show("overwritten in its place", Mistake::no_rename);
  if (mistake == "early-sync") show("synced while it is written", Mistake::early_sync);
  if (mistake == "no-directory-sync") show("the folder not synced", Mistake::no_directory_sync);
  if (mistake == "sync-again") show("a failed sync tried again", Mistake::sync_again);
  fmt::print(
      "\nold, new: that content is there, whole. neither: a torn one, an empty one, or none.\n"
      "lied: of those failures that came after \"it is saved\", so many found it not saved.\n");
}
