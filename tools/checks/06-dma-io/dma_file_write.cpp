// 06.4 dma_file, step write: whole, or an error.

#include <algorithm>
#include <iterator>

#include "01-hello-world/assertions.hpp"
#include "file_support.hpp"

using namespace checks;

namespace {

Task<> writes_a_part(DmaFile& file, DmaBuffer block, std::uint64_t offset, std::size_t size) {
  const Result<void> done = co_await file.write(block.bytes().first(size), offset);
  if (!done) explain(done.error(), percore::check::say("a write of {} bytes at {}", size, offset));
}

Task<> writes_all(DmaArena& arena, Run* run, unsigned parts, bool fresh) {
  const DmaOpen how = fresh ? DmaOpen::create : DmaOpen::update;
  DmaFile file = co_await opened(arena, how);
  const std::size_t alignment = file.alignment_bytes();
  run->waits_for("writes to a disk that takes less than it is given");
  std::string expected = fresh ? std::string() : noise(50'000);
  std::vector<JoinHandle<void>> writes;
  std::uint64_t offset = 0;
  for (unsigned i = 0; i < parts; ++i) {
    const std::size_t size = alignment * (1 + run->random(16384 / alignment));
    if (run->chance(20)) offset += alignment * run->random(20);
    const std::string text = noise(size, 100 + i);
    if (expected.size() < offset + size) expected.resize(offset + size, '\0');
    expected.replace(offset, size, text);
    writes.push_back(spawn(writes_a_part(file, block_of(arena, text), offset, size)));
    offset += size;
    if (run->chance(40)) {
      for (auto& write : writes) co_await write;
      writes.clear();
    }
  }
  for (auto& write : writes) co_await write;
  co_await closed(file);
  const std::string found = sim::file_content(the_path).value_or("");
  require(found.size() == expected.size(), "{} writes reach to byte {}, and the file has {} bytes",
          parts, expected.size(), found.size());
  const std::size_t at = first_difference(found, expected);
  require(found == expected,
          "{} writes were reported as done, and byte {} of the file is not what "
          "was written: a short result is no whole one",
          parts, at);
}

Task<> fills_the_disk(DmaArena& arena, Run* run, std::size_t disk_bytes) {
  DmaFile file = co_await opened(arena, DmaOpen::create);
  const DmaBuffer block = block_of(arena, noise(16384));
  run->waits_for("a write to a disk that is full");
  std::size_t written = 0;
  for (;;) {
    run->operation(written);
    const Result<void> done = co_await file.write(block.bytes(), written);
    if (!done) {
      require(done.error() == system_error(ENOSPC),
              "a write to a full disk gives ENOSPC, and this gave {}", error_of(done));
      break;
    }
    written += block.size();
    require(written <= disk_bytes,
            "{} bytes were reported as written to a disk of {}: a short result is no whole one",
            written, disk_bytes);
  }
  co_await closed(file);
}

Task<> writes_what_never_passes(DmaArena& arena, Run* run, int error) {
  DmaFile file = co_await opened(arena, DmaOpen::create);
  const char* const asked =
      error == EINTR
          ? "a write that ends in EINTR however often it is asked for: ask again, not for ever"
          : "a write that ends in EAGAIN however often it is asked for: ask again, not for ever";
  run->waits_for(asked);
  const DmaBuffer block = block_of(arena, noise(8'192));
  const Result<void> done = co_await file.write(block.bytes(), 0);
  require(!done && done.error() == system_error(error),
          "{}: after some attempts that is its error, and this gave {}", asked, error_of(done));
  co_await closed(file);
}

Task<> writes_at_once(DmaArena& arena, Run* run, unsigned in_flight_max, unsigned count) {
  const DmaFileOptions options{.in_flight_max = in_flight_max};
  DmaFile file = co_await opened(arena, DmaOpen::create, options);
  run->waits_for("writes that wait for one another's places");
  std::vector<JoinHandle<void>> writes;
  for (unsigned i = 0; i < count; ++i)
    writes.push_back(spawn(writes_a_part(file, block_of(arena, noise(4096)), i * 4096, 4096)));
  for (auto& write : writes) co_await write;
  const std::uint64_t most = sim::counts().in_flight_max;
  require(most <= in_flight_max, "{} operations of a file were with the kernel, and {} may be",
          most, in_flight_max);
  require(most == std::min(in_flight_max, count),
          "{} writes of a file wanted to run, {} may, and {} were with the kernel", count,
          in_flight_max, most);
  co_await closed(file);
}

/// The size is asked for whenever somebody wants to know it.
Task<> grows(DmaArena& arena, Run* run, unsigned times) {
  DmaFile file = co_await opened(arena, DmaOpen::create);
  const auto is = [](const Result<std::uint64_t>& size, std::uint64_t expected, const char* after) {
    require(size.has_value(), "size() gave {}", error_of(size));
    require(*size == expected, "after {} the file has {} bytes, and size() says {}", after,
            expected, *size);
  };
  const Result<std::uint64_t> at_first = co_await file.size();
  is(at_first, 0, "it was made");
  const DmaBuffer block = block_of(arena, noise(4096));
  for (unsigned i = 0; i < times; ++i) {
    run->operation(i);
    const Result<void> written = co_await file.write(block.bytes(), i * 4096);
    require(written.has_value(), "a write gave {}", error_of(written));
    const Result<std::uint64_t> longer = co_await file.size();
    is(longer, (i + 1) * 4096, "a write at its end");
    const Result<DmaBuffer> got = co_await file.read(i * 4096 + 10, 4096);
    if (!got) explain(got.error(), "a read of what was written last");
    require(got->size() == 4086,
            "a file has {} bytes, and a read from 4,086 before its end gave {}", (i + 1) * 4096,
            got->size());
  }
  const Result<void> cut = co_await file.truncate(100);
  require(cut.has_value(), "a truncate gave {}", error_of(cut));
  const Result<std::uint64_t> shorter = co_await file.size();
  is(shorter, 100, "a truncate");
  const Result<void> reserved = co_await file.preallocate(20'000);
  require(reserved.has_value(), "a preallocate gave {}", error_of(reserved));
  const Result<std::uint64_t> roomy = co_await file.size();
  require(roomy && *roomy >= 20'000,
          "after a preallocate the file is at least 20,000 bytes long, and size() says {}",
          roomy ? std::to_string(*roomy) : error_of(roomy));
  is(roomy, sim::file_content(the_path).value_or("").size(), "a preallocate");
  co_await closed(file);
}

/// What the kernel says of a truncate and a preallocate is what they give.
Task<> cuts_and_reserves_in_vain(DmaArena& arena, int error) {
  constexpr int op_ftruncate = 55;  // IORING_OP_FTRUNCATE (Linux 6.9)
  DmaFile file = co_await opened(arena, DmaOpen::create);
  const auto was_asked = [](int opcode) {
    return std::ranges::any_of(sim::record(), [&](const auto& event) {
      return event.kind == sim::Event::Kind::submitted && event.opcode == opcode;
    });
  };
  sim::script({.opcode = IORING_OP_FALLOCATE, .result = -error});
  const Result<void> reserved = co_await file.preallocate(20'000);
  require(!was_asked(IORING_OP_FALLOCATE) || (!reserved && reserved.error() == system_error(error)),
          "the kernel refused a preallocate with \"{}\", and preallocate() gave {}",
          system_error(error).message(), error_of(reserved));
  sim::script({.opcode = op_ftruncate, .result = -error});
  const Result<void> cut = co_await file.truncate(5'000);
  require(!was_asked(op_ftruncate) || (!cut && cut.error() == system_error(error)),
          "the kernel refused a truncate with \"{}\", and truncate() gave {}",
          system_error(error).message(), error_of(cut));
  co_await closed(file);
}

Task<> writes_past_the_arena(DmaArena& arena, Run* run, std::string* text) {
  DmaFile file = co_await opened(arena, DmaOpen::create);
  const AlignedMemory memory(run->size(1, 8));
  *text = noise(memory.bytes().size(), run->seed() + 1);
  std::memcpy(memory.bytes().data(), text->data(), text->size());
  const Result<void> done = co_await file.write(memory.bytes(), 0);
  if (!done) explain(done.error(), "a write from aligned memory that is not the arena's");
  co_await closed(file);
}

Task<> writes_wrongly(int what) {
  DmaArena arena({.bytes = 1 << 16});
  DmaFile file = co_await opened(arena, DmaOpen::create);
  const DmaBuffer block = block_of(arena, noise(8192));
  const std::size_t alignment = file.alignment_bytes();
  require(alignment == 4096, "a disk demands multiples of 4096, and alignment_bytes() says {}",
          alignment);
  // 512 is aligned for many a disk, and not for this one.
  const auto bytes = what == 0   ? block.bytes().subspan(512, alignment)
                     : what == 1 ? block.bytes().first(alignment + 512)
                                 : block.bytes().first(alignment);
  const std::uint64_t offset = what == 2 ? alignment + 512 : alignment;
  const Result<void> done = co_await file.write(bytes, offset);
  static_cast<void>(done);
}

}  // namespace

PERCORE_CHECK("write", a_write_is_whole, "A3", "a write is whole, or an error", aligned_ranges) {
  sim::Options options = disk_options(run);
  options.disk_sector_bytes = some_sector(run);
  run.restart(options);
  const bool fresh = run.chance(50);
  if (!fresh) sim::make_file(the_path, noise(50'000));
  run_on_executor(with_arena(1 << 20, writes_all, &run, run.size(1, 12), fresh));
}

PERCORE_CHECK("write", memory_that_no_ring_knows_is_written, "A3", "a write is whole, or an error",
              aligned_ranges, .seeds = 50) {
  run.restart(disk_options(run));
  std::string text;
  run.waits_for("a write from aligned memory that is not the arena's");
  run_on_executor(with_arena(1 << 16, writes_past_the_arena, &run, &text));
  require(sim::file_content(the_path).value_or("") == text,
          "a write of {} bytes was reported as done, and the file has other content", text.size());
}

PERCORE_CHECK("write", a_file_that_grows, "A2", "the end of the file is where it is now",
              aligned_ranges, .seeds = 20) {
  run.restart(disk_options(run));
  run.waits_for("writes, and the file's size after each");
  run_on_executor(with_arena(1 << 16, grows, &run, run.size(1, 6)));
}

PERCORE_CHECK("write", a_refusal_is_told, "A3",
              "what the kernel says of a preallocate and a truncate is told", aligned_ranges,
              .seeds = 10, .faults = false) {
  run.restart(disk_options(run));
  const int errors[] = {EIO, EOPNOTSUPP, ENOSPC};
  run_on_executor(
      with_arena(1 << 16, cuts_and_reserves_in_vain, errors[run.seed() % std::size(errors)]));
}

PERCORE_CHECK("write", a_full_disk_is_told, "A3", "a write is whole, or an error", aligned_ranges) {
  sim::Options options = disk_options(run);
  options.disk_bytes_max = 4096 * (1 + run.random(30)) + 512 * run.random(8);
  run.restart(options);
  run_on_executor(
      with_arena(1 << 16, fills_the_disk, &run, static_cast<std::size_t>(options.disk_bytes_max)));
}

PERCORE_CHECK("write", what_never_passes_is_no_write, "A3",
              "what passes is asked for again, and not for ever", aligned_ranges, .seeds = 2,
              .faults = false) {
  sim::Options options = disk_options(run);
  const bool interrupted = run.seed() % 2 == 1;
  (interrupted ? options.interrupted_results_percent : options.again_results_percent) = 100;
  run.restart(options);
  run_on_executor(
      with_arena(1 << 16, writes_what_never_passes, &run, interrupted ? EINTR : EAGAIN));
}

PERCORE_CHECK("write", so_many_writes_in_flight, "A7",
              "at most in_flight_max reads and writes of a file are with the kernel at once",
              under_way, .faults = false) {
  sim::Options options = disk_options(run);
  options.inline_percent = 0;
  run.restart(options);
  run_on_executor(with_arena(1 << 20, writes_at_once, &run,
                             1 + static_cast<unsigned>(run.random(6)), run.size(1, 20)));
}

namespace {

// One in a process: what a mistake leaves behind is not cleaned up.
void expect_mistake(Run& run, int what, const char* name) {
  sim::Options options = disk_options(run);
  options.allow_unfinished = true;
  options.disk_sector_bytes = 4096;
  options.direct_io = sim::DirectIo::told;
  run.restart(options);
  const std::optional<std::string> words = last_words([&] { run_and_leave(writes_wrongly(what)); });
  require(words.has_value() && words->find("dma_file.cpp") != std::string::npos,
          "a write whose {} is no multiple of alignment_bytes() went on: it is a programmer's "
          "mistake, and ends the program with a sentence",
          name);
}

}  // namespace

PERCORE_CHECK("write", memory_must_be_aligned, "A1", "a misaligned write ends the program",
              aligned_ranges, .seeds = 1, .faults = false) {
  expect_mistake(run, 0, "memory");
}
PERCORE_CHECK("write", size_must_be_aligned, "A1", "a misaligned write ends the program",
              aligned_ranges, .seeds = 1, .faults = false) {
  expect_mistake(run, 1, "size");
}
PERCORE_CHECK("write", offset_must_be_aligned, "A1", "a misaligned write ends the program",
              aligned_ranges, .seeds = 1, .faults = false) {
  expect_mistake(run, 2, "offset");
}
