// 06.8 dma_stream, step ahead: in their order, whatever order the reads end in.

#include "stream_support.hpp"

using namespace checks;

namespace {

Task<> takes_all(DmaArena& arena, StreamStory* story) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  {
    DmaStreamReader reader(file, story->options);
    const std::string expected = range_of(*story->text, story->options);
    std::string got;
    for (unsigned number = 0;; ++number) {
      story->run->operation(number);
      require(reader.position() == story->options.begin + got.size(),
              "{} bytes were given from {} on, and position() says {}", got.size(),
              story->options.begin, reader.position());
      const Result<DmaBuffer> buffer = co_await reader.next();
      if (!buffer) explain(buffer.error(), percore::check::say("buffer {} of a stream", number));
      if (buffer->empty()) break;
      got += text_of(*buffer);
      require(got.size() <= expected.size(),
              "a stream of {} bytes (from {}, of a file of {}) gave {}", expected.size(),
              story->options.begin, story->text->size(), got.size());
      require(expected.starts_with(got),
              "buffer {} of a stream is not what comes next: the reads end in any order, and the "
              "buffers come in that of the file",
              number);
    }
    require(got.size() == expected.size(),
            "a stream of {} bytes (from {}, of a file of {}) ended after {}", expected.size(),
            story->options.begin, story->text->size(), got.size());
    const Result<DmaBuffer> more = co_await reader.next();
    require(more && more->empty(), "a stream had ended, and gave more");
    co_await reader.close();
  }
  co_await closed(file);
}

/// Runs while a buffer is waited for, or right after it where it was there.
Task<> looks_ahead(DmaStreamReader& reader, std::size_t& ahead) {
  ahead = reader.ahead();
  co_return;
}

/// Takes buffers one by one, and looks how many reads were begun.
Task<> begins_so_many(DmaArena& arena, StreamStory* story) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  {
    DmaStreamReader reader(file, story->options);
    const std::size_t buffers =
        (story->text->size() + story->options.buffer_bytes - 1) / story->options.buffer_bytes;
    for (std::size_t taken = 1; taken <= buffers; ++taken) {
      story->run->operation(taken);
      std::size_t meanwhile = 0;
      JoinHandle<void> look = spawn(looks_ahead(reader, meanwhile));
      const Result<DmaBuffer> buffer = co_await reader.next();
      co_await look;
      if (!buffer) explain(buffer.error(), "a buffer of a stream");
      const std::size_t wanted = std::min<std::size_t>(story->options.read_ahead, buffers - taken);
      // The first time the file's size is asked for, and nothing is begun before that.
      require(taken == 1 || meanwhile == wanted,
              "buffer {} was waited for, read_ahead is {}, and {} reads behind it were begun: the "
              "next read begins when one is taken, not only when that one has come",
              taken, story->options.read_ahead, meanwhile);
      require(reader.ahead() <= story->options.read_ahead,
              "{} reads are under way or not taken, and read_ahead is {}", reader.ahead(),
              story->options.read_ahead);
      require(
          reader.ahead() == wanted,
          "{} of {} buffers were taken, read_ahead is {}, and {} reads are begun: so many begin "
          "as there may be, whenever one is taken",
          taken, buffers, story->options.read_ahead, reader.ahead());
    }
    co_await reader.close();
  }
  co_await closed(file);
  std::uint64_t asked = 0;
  for (const sim::Event& event : sim::record())
    if (event.kind == sim::Event::Kind::submitted && reads(event)) {
      ++asked;
      require(event.offset < story->text->size(),
              "a read began at {} of a file of {} bytes: nothing is asked for beyond its end",
              event.offset, story->text->size());
      require(event.offset % story->options.buffer_bytes == 0,
              "a read began at {}, within a buffer of {} bytes: two reads share a sector",
              event.offset, story->options.buffer_bytes);
    }
  const std::size_t needed =
      (story->text->size() + story->options.buffer_bytes - 1) / story->options.buffer_bytes;
  require(asked <= needed, "a file of {} bytes takes {} reads of {} bytes, and {} were made",
          story->text->size(), needed, story->options.buffer_bytes, asked);
}

/// A range that begins anywhere.
Task<> reads_to_boundaries(DmaArena& arena, StreamStory* story) {
  co_await takes_all(arena, story);
  const std::uint64_t size = story->options.buffer_bytes;
  for (const sim::Event& event : sim::record()) {
    if (event.kind != sim::Event::Kind::submitted || !reads(event)) continue;
    const bool the_first = event.offset / size == story->options.begin / size;
    require(the_first || event.offset % size == 0,
            "a stream from {} with buffers of {} bytes asked for a read at {}: a read ends at a "
            "multiple of the buffer's size, so that the next one shares no sector with it",
            story->options.begin, size, event.offset);
  }
}

Task<> asks_a_size_in_vain(DmaArena& arena, StreamStory* story) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  {
    DmaStreamReader reader(file, story->options);
    sim::script({.opcode = IORING_OP_STATX, .result = -EIO});
    for (unsigned again = 0; again < 2; ++again) {
      const Result<DmaBuffer> buffer = co_await reader.next();
      require(!buffer && buffer.error() == system_error(EIO),
              "the file's size could not be had (EIO), and next() gave {}{}",
              buffer ? std::to_string(buffer->size()) + " bytes" : error_of(buffer),
              again == 0 ? "" : " when asked again: it stays with the error");
    }
    co_await reader.close();
  }
  co_await closed(file);
}

Task<> takes_until_it_fails(DmaArena& arena, StreamStory* story, unsigned which) {
  const int error = story->run->chance(50) ? EIO : EREMOTEIO;
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  {
    DmaStreamReader reader(file, story->options);
    const auto lost = static_cast<std::int64_t>(which * story->options.buffer_bytes);
    sim::script({.opcode = IORING_OP_READ, .byte = lost, .result = -error});
    for (unsigned number = 0; number < which; ++number) {
      const Result<DmaBuffer> buffer = co_await reader.next();
      require(buffer.has_value(),
              "the read for buffer {} failed, and buffer {} was asked for and gave {}: an error is "
              "given where its bytes would have been",
              which, number, error_of(buffer));
      compare(*story->text, number * story->options.buffer_bytes, story->options.buffer_bytes,
              text_of(*buffer));
    }
    for (unsigned again = 0; again < 3; ++again) {
      const Result<DmaBuffer> buffer = co_await reader.next();
      require(!buffer, "the read for buffer {} failed, and next() gave {} bytes{}", which,
              buffer->size(),
              again == 0 ? "" : " after it had told of the error: it stays with it");
      require(buffer.error() == system_error(error), "a read gave \"{}\", and next() gave {}",
              system_error(error).message(), error_of(buffer));
      require(reader.position() == static_cast<std::uint64_t>(lost),
              "the read for buffer {} failed, and position() says {}: what comes next, if anything "
              "did, is at {}",
              which, reader.position(), lost);
    }
    co_await reader.close();
    if (reader.ahead() != 0 || arena.free_bytes() != arena.size_bytes())
      fail_with("M9", the_reader,
                percore::check::say(
                    "a stream of which a read failed was closed, {} reads are under way or not "
                    "taken, and {} bytes of the arena are in use: a close waits for what is under "
                    "way, also after an error",
                    reader.ahead(), arena.size_bytes() - arena.free_bytes()));
    const Result<DmaBuffer> late = co_await reader.next();
    require(!late && late.error() == system_error(error),
            "a read failed, the stream was closed, and next() gave {} in place of the error: it "
            "stays with it",
            late ? std::string("bytes") : error_of(late));
  }
  co_await closed(file);
}

Task<> takes_while_it_is_cut(DmaArena& arena, StreamStory* story, std::size_t size) {
  DmaFile file = co_await opened(arena, DmaOpen::update);
  {
    DmaStreamReader reader(file, story->options);
    Result<DmaBuffer> first = co_await reader.next();
    require(first.has_value(), "the first buffer gave {}", error_of(first));
    std::string got(text_of(*first));
    *first = DmaBuffer();
    const Result<void> cut = co_await file.truncate(size);
    require(cut.has_value(), "the check could not cut the file");
    for (;;) {
      const Result<DmaBuffer> buffer = co_await reader.next();
      require(buffer.has_value(), "a stream of a file that was cut gave {}", error_of(buffer));
      if (buffer->empty()) break;
      require(text_of(*buffer) == part_of(*story->text, got.size(), buffer->size()),
              "a file was cut while it was streamed, and a buffer does not follow the one before");
      got += text_of(*buffer);
    }
    co_await reader.close();
    require(arena.free_bytes() == arena.size_bytes(),
            "a stream of a file that was cut is closed, and {} bytes of the arena are in use: a "
            "close waits also for what was read behind the cut",
            arena.size_bytes() - arena.free_bytes());
  }
  co_await closed(file);
}

/// The end is where it was when the stream began.
Task<> takes_while_it_grows(DmaArena& arena, StreamStory* story) {
  DmaFile file = co_await opened(arena, DmaOpen::update);
  {
    DmaStreamReader reader(file, story->options);
    Result<DmaBuffer> buffer = co_await reader.next();
    std::size_t got = 0;
    const DmaBuffer more = block_of(arena, noise(4'096, 9));
    for (unsigned i = 0;; ++i) {
      require(buffer.has_value(), "a stream of a file that grows gave {}", error_of(buffer));
      if (buffer->empty()) break;
      got += buffer->size();
      require(
          got <= story->text->size(),
          "a file of {} bytes grew while it was streamed, and the stream gave {}: it ends where "
          "the file did when it began",
          story->text->size(), got);
      const Result<void> written =
          co_await file.write(more.bytes(), story->text->size() + i * std::uint64_t{4'096});
      require(written.has_value(), "the check could not write to the file");
      buffer = co_await reader.next();
    }
    require(got == story->text->size(),
            "a file of {} bytes grew while it was streamed, and the stream gave {}",
            story->text->size(), got);
    co_await reader.close();
  }
  co_await closed(file);
}

void prepare(Run& run, const sim::Options& options, const std::string& text) {
  run.restart(options);
  sim::make_file(the_path, text);
}

}  // namespace

PERCORE_CHECK("ahead", in_their_order, "M1",
              "a reader gives the bytes of its range in their order, each once", the_reader) {
  sim::Options options = disk_options(run);
  options.disk_sector_bytes = some_sector(run);
  const std::string text = noise(run.size(0, 150'000), run.seed() + 1);
  prepare(run, options, text);
  StreamStory story{.run = &run, .text = &text, .options = some_options(run, text.size())};
  run.waits_for("the next buffer of a stream");
  run_on_executor(with_arena(1 << 19, takes_all, &story));
}

PERCORE_CHECK("ahead", reads_end_at_boundaries, "M3",
              "a read ends at a multiple of buffer_bytes: no two need a part of the same sector",
              the_reader, .seeds = 50, .faults = false) {
  const std::string text = noise(run.size(1, 150'000), run.seed() + 1);
  prepare(run, disk_options(run), text);
  StreamStory story{.run = &run, .text = &text, .options = some_options(run, text.size())};
  story.options.begin = run.random(text.size());
  story.options.end = ~std::uint64_t{0};
  run.waits_for("the next buffer of a stream that begins anywhere");
  run_on_executor(with_arena(1 << 19, reads_to_boundaries, &story));
}

PERCORE_CHECK("ahead", so_many_ahead, "M2", "it begins so many reads as there may be, and no more",
              the_reader, .faults = false) {
  const std::string text = noise(run.size(1, 150'000), run.seed() + 1);
  prepare(run, disk_options(run), text);
  StreamStory story{.run = &run, .text = &text, .options = some_options(run, text.size())};
  story.options.begin = 0;
  // An end that is given may lie behind the file's, too.
  story.options.end = run.chance(50) ? ~std::uint64_t{0} : text.size() + run.random(100'000);
  if (run.chance(30)) {
    story.options.buffer_bytes = 4'096;
    story.options.read_ahead = 7 + static_cast<unsigned>(run.random(20));
  }
  run.waits_for("the next buffer of a stream");
  run_on_executor(with_arena(1 << 19, begins_so_many, &story));
}

PERCORE_CHECK(
    "ahead", an_error_in_its_place, "M4",
    "an error is given where its bytes would have been; after it the stream stays with it",
    the_reader, .seeds = 50, .faults = false) {
  const std::string text = noise(100'000);
  sim::Options options = disk_options(run);
  options.inline_percent = 0;  // reads are under way when the error is told
  prepare(run, options, text);
  StreamStory story{.run = &run, .text = &text};
  story.options.buffer_bytes = 8'192;
  story.options.read_ahead = 1 + static_cast<unsigned>(run.random(6));
  run.waits_for("the next buffer of a stream, one of whose reads fails");
  run_on_executor(with_arena(1 << 19, takes_until_it_fails, &story,
                             static_cast<unsigned>(run.random(story.options.read_ahead))));
}

PERCORE_CHECK("ahead", a_file_that_is_cut, "M1",
              "a buffer that is short ends the stream: what was read behind it is nobody's",
              the_reader, .seeds = 100) {
  const std::string text = noise(60'000, run.seed() + 1);
  sim::Options options = disk_options(run);
  options.inline_percent = 0;
  prepare(run, options, text);
  StreamStory story{.run = &run, .text = &text};
  story.options.buffer_bytes = 8'192;
  story.options.read_ahead = 1 + static_cast<unsigned>(run.random(4));
  run.waits_for("the next buffer of a stream of a file that was cut");
  // Not near its end: something must lie behind the cut that was read before it.
  run_on_executor(with_arena(1 << 19, takes_while_it_is_cut, &story, run.random(40'000)));
}

PERCORE_CHECK("ahead", a_file_that_grows, "M3",
              "a reader asks for nothing beyond the file's size at its beginning", the_reader,
              .seeds = 50) {
  const std::string text = noise(4'096 * std::size_t{run.size(1, 12)}, run.seed() + 1);
  prepare(run, disk_options(run), text);
  StreamStory story{.run = &run, .text = &text};
  story.options.buffer_bytes = 8'192;
  story.options.read_ahead = 1 + static_cast<unsigned>(run.random(4));
  run.waits_for("the next buffer of a stream of a file that grows");
  run_on_executor(with_arena(1 << 19, takes_while_it_grows, &story));
}

PERCORE_CHECK("ahead", no_size_is_told, "M4", "an error is told, that of the file's size too",
              the_reader, .seeds = 5, .faults = false) {
  const std::string text = noise(20'000);
  prepare(run, disk_options(run), text);
  StreamStory story{.run = &run, .text = &text};
  story.options.buffer_bytes = 8'192;
  story.options.read_ahead = 2;
  run.waits_for("the next buffer of a stream whose size cannot be had");
  run_on_executor(with_arena(1 << 19, asks_a_size_in_vain, &story));
}
