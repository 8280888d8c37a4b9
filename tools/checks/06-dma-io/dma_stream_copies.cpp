// 06.8 dma_stream, step copies: read() into memory of the caller's, beside next(), and the end.

#include "01-hello-world/assertions.hpp"
#include "stream_support.hpp"

using namespace checks;

namespace {

Task<> reads_all(DmaArena& arena, StreamStory* story) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  {
    DmaStreamReader reader(file, story->options);
    const std::string expected = range_of(*story->text, story->options);
    std::string got;
    for (unsigned number = 0;; ++number) {
      story->run->operation(number);
      if (story->run->chance(25)) {
        const Result<DmaBuffer> buffer = co_await reader.next();
        if (!buffer) explain(buffer.error(), "a buffer of a stream");
        got += text_of(*buffer);
        if (buffer->empty() && got.size() == expected.size()) break;
        require(!buffer->empty(), "a stream of {} bytes ended after {}", expected.size(),
                got.size());
      } else {
        std::string out(1 + story->run->random(20'000), '?');
        const Result<std::size_t> taken =
            co_await reader.read(std::as_writable_bytes(std::span(out)));
        if (!taken) explain(taken.error(), "a read of a stream");
        require(*taken <= out.size(), "a read of {} bytes gave {}", out.size(), *taken);
        got += out.substr(0, *taken);
        if (*taken < out.size()) {
          require(got.size() == expected.size(),
                  "a read of {} bytes gave {}, and the stream has {} more: fewer come only at the "
                  "end",
                  out.size(), *taken, expected.size() - got.size());
          break;
        }
      }
      require(expected.starts_with(got),
              "byte {} of a stream is not what comes next: what read() leaves of a buffer comes "
              "before the next one",
              first_difference(expected, got));
      require(reader.position() == story->options.begin + got.size(),
              "{} bytes were given from {} on, and position() says {}", got.size(),
              story->options.begin, reader.position());
    }
    co_await reader.close();
  }
  co_await closed(file);
}

Task<> closes_early(DmaArena& arena, StreamStory* story) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  {
    DmaStreamReader reader(file, story->options);
    std::string out(100, '?');
    if (story->run->chance(80)) {
      const Result<std::size_t> taken =
          co_await reader.read(std::as_writable_bytes(std::span(out)));
      require(taken && *taken == 100, "a read of 100 bytes gave {}",
              taken ? std::to_string(*taken) : error_of(taken));
    }
    co_await reader.close();
    require(reader.ahead() == 0, "a stream was closed, and {} reads are under way or not taken",
            reader.ahead());
    require(arena.free_bytes() == arena.size_bytes(),
            "a stream was closed, and it still holds {} bytes of the arena",
            arena.size_bytes() - arena.free_bytes());
    const Result<DmaBuffer> late = co_await reader.next();
    require(!late && late.error() == system_error(ECANCELED),
            "next() after close() gives ECANCELED, and this gave {}", error_of(late));
  }
  co_await closed(file);
}

Task<> reads_up_to_an_error(DmaArena& arena, StreamStory* story) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  {
    DmaStreamReader reader(file, story->options);
    const auto second = static_cast<std::int64_t>(story->options.buffer_bytes);
    sim::script({.opcode = IORING_OP_READ, .byte = second, .result = -EIO});
    std::string out(20'000, '?');
    const Result<std::size_t> taken = co_await reader.read(std::as_writable_bytes(std::span(out)));
    require(
        taken && *taken == story->options.buffer_bytes,
        "the read for the second buffer failed, and read() gave {}: the {} bytes before it come "
        "first, and then the error",
        taken ? std::to_string(*taken) + " bytes" : error_of(taken), story->options.buffer_bytes);
    require(out.substr(0, *taken) == story->text->substr(0, *taken), "read() gave other bytes");
    const Result<std::size_t> more = co_await reader.read(std::as_writable_bytes(std::span(out)));
    require(!more && more.error() == system_error(EIO),
            "the read for the second buffer failed, and what comes next is {}",
            more ? std::to_string(*more) + " bytes" : error_of(more));
    co_await reader.close();
  }
  co_await closed(file);
}

Task<> leaves_it_open() {
  auto* const arena = new DmaArena({.bytes = 1 << 19});
  DmaFile opened_file = co_await opened(*arena, DmaOpen::read_only);
  auto* const file = new DmaFile(std::move(opened_file));
  auto* const reader = new DmaStreamReader(*file, {.buffer_bytes = 8'192, .read_ahead = 2});
  Result<DmaBuffer> first = co_await reader->next();
  new Result<DmaBuffer>(std::move(first));
  delete reader;
}

void prepare(Run& run, const sim::Options& options, const std::string& text) {
  run.restart(options);
  sim::make_file(the_path, text);
}

}  // namespace

PERCORE_CHECK("copies", reads_of_any_size, "M1",
              "a reader gives the bytes of its range in their order, each once", the_reader) {
  const std::string text = noise(run.size(0, 150'000), run.seed() + 1);
  prepare(run, disk_options(run), text);
  StreamStory story{.run = &run, .text = &text, .options = some_options(run, text.size())};
  run.waits_for("a read of a stream");
  run_on_executor(with_arena(1 << 19, reads_all, &story));
}

PERCORE_CHECK("copies", a_close_waits_for_reads, "M9",
              "a stream ends with close(), which waits for what is under way", the_reader) {
  const std::string text = noise(100'000);
  sim::Options options = disk_options(run);
  options.inline_percent = 0;
  prepare(run, options, text);
  StreamStory story{.run = &run, .text = &text};
  story.options.buffer_bytes = 8'192;
  story.options.read_ahead = run.size(1, 6);
  run.waits_for("the close of a stream whose reads are under way");
  run_on_executor(with_arena(1 << 19, closes_early, &story));
}

PERCORE_CHECK("copies", bytes_before_the_error, "M4",
              "an error is given where its bytes would have been, not earlier", the_reader,
              .seeds = 20, .faults = false) {
  const std::string text = noise(100'000);
  prepare(run, disk_options(run), text);
  StreamStory story{.run = &run, .text = &text};
  story.options.buffer_bytes = 8'192;
  story.options.read_ahead = 2;
  run.waits_for("a read of a stream, one of whose reads fails");
  run_on_executor(with_arena(1 << 19, reads_up_to_an_error, &story));
}

PERCORE_CHECK("copies", closed_before_it_goes, "M9",
              "a stream that is destroyed has nothing under way", the_reader, .seeds = 1,
              .faults = false) {
  sim::Options options = disk_options(run);
  options.allow_unfinished = true;
  prepare(run, options, noise(100'000));
  const std::optional<std::string> words = last_words([] { run_and_leave(leaves_it_open()); });
  require(words.has_value() && words->find("reader.cpp") != std::string::npos,
          "a stream was destroyed while it reads ahead, and no sentence said so");
}
