#include <cstring>
#include <percore/check.hpp>
#include <percore/dma_file.hpp>
#include <percore/sim.hpp>
#include <string>

// Exercise 06.7, kind: catch. Your checks are linked with our dma_file, which must pass all of
// them, and with some that each have one thing wrong, which at least one check must reject.
//
//   run.size(low, high), run.random(bound), run.chance(percent)    drawn from the seed
//   sim::Options options = run.options();  run.restart(options)    a disk of your own; first of all
//     .files_in_memory = "/sim"      .disk_sector_bytes   .direct_io = sim::DirectIo::untold
//     .short_results_percent = 40    .inline_percent = 0  (nothing completes within its submit)
//   sim::make_file("/sim/a", text)   sim::file_content("/sim/a")   sim::counts().in_flight_max
//   sim::script({.operation = sim::counts().submitted + 1, .result = -EIO})   the next one fails
//   percore::check::require(held, "sentence with the numbers {}", number)

using namespace percore;
using percore::check::require;
using percore::check::Run;

namespace {

std::string some_text(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * i % 23);
  return text;
}

std::string_view text_of(const DmaBuffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), buffer.size()};
}

/// A disk in memory with the file /sim/file. Its errors are left out, and so are full disks.
void prepare(Run& run, const std::string& text) {
  sim::Options options = run.options();
  options.files_in_memory = "/sim";
  options.no_space_percent = options.sync_error_percent = options.too_many_files_percent = 0;
  run.restart(options);
  sim::make_file("/sim/file", text);
}

Task<> reads_the_beginning(const std::string& text) {
  DmaArena arena({.bytes = 1 << 20});
  Result<DmaFile> file = co_await DmaFile::open(arena, "/sim/file", DmaOpen::read_only);
  require(file.has_value(), "a file could not be opened");
  const Result<DmaBuffer> got = co_await file->read(0, 4096);
  require(got && text_of(*got) == text.substr(0, 4096), "a read gave other bytes");
  static_cast<void>(co_await file->close());
}

}  // namespace

PERCORE_CHECK("", a_page_is_read, "A2", "a read gives the bytes of its range",
              "Lesson 06, *Aligned ranges*", .faults = false) {
  const std::string text = some_text(10'000);
  prepare(run, text);
  Executor executor({.ring = {.entries = 8}});
  executor.run(reads_the_beginning(text));
}

// TODO: the first page goes well with all of them. Write checks for A1 to A8.
