// 06.4 dma_file, step alignment: kernels that tell, kernels that do not, and filesystems that
// refuse.

#include <iterator>
#include <percore/timer.hpp>

#include "file_support.hpp"

using namespace checks;

namespace {

struct Expected {
  std::size_t alignment = 0;
  bool exactly = false;
  bool direct = true;
};

const char* in_words(const sim::Options& options) {
  switch (options.direct_io) {
    case sim::DirectIo::told:
      return "statx says it";
    case sim::DirectIo::untold:
      return "the kernel does not say it, and a read shows it";
    case sim::DirectIo::refused:
      return "the filesystem refuses O_DIRECT";
    case sim::DirectIo::cached:
      return "statx says 0";
    case sim::DirectIo::any:
      return "it is a tmpfs";
  }
  return "";
}

Task<> opens_and_uses(DmaArena& arena, Run* run, const std::string* text, Expected expected) {
  const std::string words = in_words(sim::options());
  Result<DmaFile> file = co_await DmaFile::open(arena, the_path, DmaOpen::update);
  if (!file && !expected.direct)
    fail_with(
        "A9", what_the_file_demands,
        percore::check::say("an open failed ({}) where the filesystem refuses O_DIRECT: the file "
                            "goes through the page cache then",
                            error_of(file)));
  require(file.has_value(), "an open failed: {}", error_of(file));
  const std::size_t alignment = file->alignment_bytes();
  if (expected.exactly)
    require(alignment == expected.alignment,
            "the disk demands multiples of {} ({}), and alignment_bytes() says {}",
            expected.alignment, words, alignment);
  if (!expected.direct && alignment < expected.alignment)
    fail_with("A9", what_the_file_demands,
              percore::check::say("{}, and alignment_bytes() says {}: what a file demands of its "
                                  "callers stays the same where the page cache serves it",
                                  words, alignment));
  require(alignment >= expected.alignment,
          "the disk demands multiples of {}, nothing has shown that less will do (a file of {} "
          "bytes), and alignment_bytes() says {}: at the end of a file any read passes",
          expected.alignment, text->size(), alignment);
  if (file->direct() != expected.direct)
    fail_with(
        "A9", what_the_file_demands,
        percore::check::say("{}, and direct() says {}", words, file->direct() ? "yes" : "no"));
  if (file->why_not_direct().empty() != expected.direct)
    fail_with("A9", what_the_file_demands,
              percore::check::say("direct() says {}, and why_not_direct() says \"{}\"",
                                  expected.direct ? "yes" : "no", file->why_not_direct()));
  const std::uint64_t offset = run->random(text->size() + 1);
  const Result<DmaBuffer> got = co_await file->read(offset, 5'000);
  if (!got) explain(got.error(), percore::check::say("a read of 5,000 bytes at {}", offset));
  compare(*text, offset, 5'000, text_of(*got));
  co_await closed(*file);
}

Task<> opens_wrongly(DmaArena& arena) {
  const auto gives = [&](const char* what, const Result<DmaFile>& got, int error,
                         const char* name) {
    require(!got && got.error() == system_error(error), "{} gives {}, and this gave {}", what, name,
            error_of(got));
  };
  const Result<DmaFile> missing = co_await DmaFile::open(arena, "/sim/none", DmaOpen::read_only);
  gives("a file that is not there, opened read_only,", missing, ENOENT, "ENOENT");
  const Result<DmaFile> no_update = co_await DmaFile::open(arena, "/sim/none", DmaOpen::update);
  gives("a file that is not there, opened for update,", no_update, ENOENT, "ENOENT");
  const Result<DmaFile> folder = co_await DmaFile::open(arena, "/sim", DmaOpen::read_only);
  require(!folder, "a directory was opened as a DmaFile");
  Result<DmaFile> made = co_await DmaFile::open(arena, "/sim/new", DmaOpen::create_new);
  if (!made && made.error() == system_error(EEXIST))
    fail_with("A9", what_the_file_demands,
              "create_new gave EEXIST for a name that was free: the open that is refused makes the "
              "file first, and the second one finds it");
  require(made.has_value(), "create_new of a name that was free gave {}", error_of(made));
  co_await closed(*made);
  const Result<DmaFile> there = co_await DmaFile::open(arena, "/sim/new", DmaOpen::create_new);
  gives("create_new of a name that is taken", there, EEXIST, "EEXIST");
  Result<DmaFile> emptied = co_await DmaFile::open(arena, the_path, DmaOpen::create);
  require(emptied.has_value(), "create of a name that is taken gave {}", error_of(emptied));
  const Result<std::uint64_t> size = co_await emptied->size();
  require(size && *size == 0, "create of a file that is there empties it, and it has {} bytes",
          size ? *size : 0);
  co_await closed(*emptied);
}

Task<> opens_in_vain(DmaArena& arena, int error) {
  sim::script({.opcode = IORING_OP_OPENAT, .result = -error});
  const Result<DmaFile> file = co_await DmaFile::open(arena, the_path, DmaOpen::update);
  require(!file && file.error() == system_error(error),
          "the kernel refused an open with \"{}\", and DmaFile::open() gave {}: EINVAL alone says "
          "that the filesystem refuses O_DIRECT",
          system_error(error).message(),
          file ? std::string("a file, ") + (file->direct() ? "direct" : "through the page cache")
               : error_of(file));
}

Task<> opens_and_closes(DmaArena& arena) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  co_await closed(file);
}

/// The probe shares the arena with those who have much of it.
Task<> opens_beside_others(DmaArena& arena) {
  std::optional<DmaBuffer> most = arena.try_allocate(arena.size_bytes() - 2 * dma_granule_bytes);
  JoinHandle<void> opening = spawn(opens_and_closes(arena));
  while (!opening.done()) {
    require(arena.waiting() == 0,
            "an open waits for memory while two granules of the arena are free: a probe needs no "
            "more than those");
    const auto slept = co_await sleep_for(Time{1'000});
    require(slept.has_value(), "a sleep was cancelled");
  }
  co_await opening;
}

template <typename Root, typename... Arguments>
void on_a_disk(Run& run, sim::DirectIo direct, unsigned sector, const std::string& text, Root root,
               Arguments... arguments) {
  sim::Options options = disk_options(run);
  options.direct_io = direct;
  options.disk_sector_bytes = sector;
  run.restart(options);
  sim::make_file(the_path, text);
  run_on_executor(with_arena(1 << 16, root, arguments...));
}

}  // namespace

PERCORE_CHECK("alignment", statx_says_it, "A1", "statx says what the file demands",
              what_the_file_demands) {
  const unsigned sector = some_sector(run);
  const std::string text = noise(run.size(0, 20'000));
  on_a_disk(run, sim::DirectIo::told, sector, text, opens_and_uses, &run, &text,
            Expected{.alignment = sector, .exactly = true});
}

PERCORE_CHECK("alignment", a_read_shows_it, "A1",
              "where statx does not say it, a real read shows it", what_the_file_demands,
              .faults = false) {
  const unsigned sector = some_sector(run);
  const std::string text = noise(run.size(8'192, 40'000));
  on_a_disk(run, sim::DirectIo::untold, sector, text, opens_and_uses, &run, &text,
            Expected{.alignment = sector, .exactly = true});
}

PERCORE_CHECK("alignment", a_short_file_shows_nothing, "A1",
              "else it is taken to be 4096: at the end of a file any read passes",
              what_the_file_demands) {
  const unsigned sector = some_sector(run);
  const std::string text = noise(run.chance(30) ? 0 : run.size(0, 5'000));
  on_a_disk(run, sim::DirectIo::untold, sector, text, opens_and_uses, &run, &text,
            Expected{.alignment = sector});
}

PERCORE_CHECK("alignment", refused_and_told, "A9",
              "where the filesystem refuses direct I/O, the file says so, and works all the same",
              what_the_file_demands) {
  const std::string text = noise(run.size(0, 20'000));
  // By an EINVAL of the open, or by statx, which says 0.
  const sim::DirectIo way = run.chance(50) ? sim::DirectIo::refused : sim::DirectIo::cached;
  on_a_disk(run, way, 512, text, opens_and_uses, &run, &text,
            Expected{.alignment = 512, .direct = false});
}

PERCORE_CHECK("alignment", other_errors_are_no_refusal, "A9",
              "EINVAL alone says that the filesystem refuses direct I/O", what_the_file_demands,
              .seeds = 10, .faults = false) {
  const int errors[] = {EMFILE, EACCES, EIO, ENOMEM};
  on_a_disk(run, sim::DirectIo::told, 512, noise(9'000), opens_in_vain,
            errors[run.seed() % std::size(errors)]);
}

PERCORE_CHECK("alignment", opens_that_fail, "A9",
              "what an open gives does not depend on who refuses O_DIRECT", what_the_file_demands,
              .seeds = 60) {
  const sim::DirectIo ways[] = {sim::DirectIo::told, sim::DirectIo::untold, sim::DirectIo::refused};
  on_a_disk(run, ways[run.seed() % 3], some_sector(run), noise(9'000), opens_wrongly);
}

PERCORE_CHECK("alignment", a_probe_needs_little, "A1",
              "a probe needs no more of the arena than two granules, and gives them back",
              what_the_file_demands, .seeds = 20) {
  run.waits_for("an open while all but two granules of the arena are taken");
  on_a_disk(run, sim::DirectIo::untold, some_sector(run), noise(20'000), opens_beside_others);
}
