// Random programs on the module io: tasks that write and read pieces of files and send streams
// through pipes, with every short result and every passing error there is. What a file holds and
// which byte comes next is known beforehand.

#include <percore/io.hpp>

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "program.hpp"

namespace percore::test {

namespace {

constexpr unsigned piece_bytes = 512;

bool passes(const std::error_code& error) {
  return error == std::errc::interrupted || error == std::errc::resource_unavailable_try_again;
}

struct Stream {
  std::uint64_t name = 0;
  std::uint64_t bytes = 0;  // that the writer means to send
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  bool writer_ended = false;
  SmallPipe pipe;
};

struct IoModel {
  explicit IoModel(std::uint64_t seed) : dice(seed) {}
  Dice dice;
  MemoryFile file;
  MemoryFile positioned;  // written at its own position, by one task
  std::vector<std::unique_ptr<Stream>> streams;
  unsigned tasks = 0;
  unsigned ended = 0;
  std::uint64_t appended = 0;
};

// One transfer's result: how many bytes; 0 for one that only has to be tried again. Says whether
// the task is to go on.
bool go_on(const Result<std::uint32_t>& result, std::size_t asked, std::uint32_t& moved) {
  moved = 0;
  if (result) {
    expect(*result <= asked, "an operation moved more bytes than it was asked to");
    moved = *result;
    return true;
  }
  if (result.error() == std::errc::operation_canceled) {
    expect(Executor::current().ending(), "ECANCELED although the executor does not end");
    return false;
  }
  expect(passes(result.error()), "an operation failed with an error that nobody caused");
  return true;
}

Task<bool> write_piece(IoModel& model, Token, std::span<std::byte> bytes, std::uint64_t offset) {
  std::span<const std::byte> left = bytes;
  while (!left.empty()) {
    const auto written = co_await write(model.file.fd(), left, offset);
    std::uint32_t moved = 0;
    if (!go_on(written, left.size(), moved)) co_return false;
    left = left.subspan(moved);
    offset += moved;
  }
  co_return true;
}

Task<bool> read_piece(IoModel& model, Token, std::span<std::byte> bytes, std::uint64_t offset) {
  std::span<std::byte> left = bytes;
  while (!left.empty()) {
    const auto got = co_await read(model.file.fd(), left, offset);
    std::uint32_t moved = 0;
    if (!go_on(got, left.size(), moved)) co_return false;
    expect(!got || moved != 0, "a read within a file gave its end");
    left = left.subspan(moved);
    offset += moved;
  }
  co_return true;
}

// Owns one piece of the file: what it reads there is what it last wrote.
Task<> keeps_a_piece(IoModel& model, Token, unsigned number, unsigned rounds) {
  const std::uint64_t begin = std::uint64_t{number} * piece_bytes;
  auto bytes = std::make_unique<std::array<std::byte, piece_bytes>>();
  for (unsigned round = 0; round != rounds; ++round) {
    const unsigned from = model.dice.below(piece_bytes);
    const unsigned size = model.dice.between(1, piece_bytes - from);
    const std::span<std::byte> part = std::span(*bytes).first(size);
    const std::uint64_t name = number * 1'000u + round;
    fill(part, name, from);
    const bool written = co_await write_piece(model, Token(), part, begin + from);
    if (!written) break;
    std::fill(part.begin(), part.end(), std::byte{0});
    const bool whole = co_await read_piece(model, Token(), part, begin + from);
    if (!whole) break;
    expect(holds(part, name, from), "a task read other bytes than it had written there");
    if (model.dice.percent(30)) co_await yield();
  }
  ++model.ended;
}

// Writes at the file's own position, which each short write moves by what it wrote.
Task<> appends(IoModel& model, Token, unsigned rounds) {
  auto bytes = std::make_unique<std::array<std::byte, piece_bytes>>();
  for (unsigned round = 0; round != rounds; ++round) {
    const std::span<std::byte> part = std::span(*bytes).first(model.dice.between(1, piece_bytes));
    fill(part, 7, model.appended);
    const auto written = co_await write(model.positioned.fd(), part);
    std::uint32_t moved = 0;
    if (!go_on(written, part.size(), moved)) break;
    model.appended += moved;
  }
  ++model.ended;
}

Task<> sends(IoModel& model, Token, Stream& stream) {
  std::array<std::byte, 700> bytes;
  while (stream.sent != stream.bytes) {
    const std::uint64_t left = stream.bytes - stream.sent;
    const auto size = static_cast<unsigned>(std::min<std::uint64_t>(left, bytes.size()));
    const std::span<std::byte> part = std::span(bytes).first(model.dice.between(1, size));
    fill(part, stream.name, stream.sent);
    const auto written = co_await write(stream.pipe.writing(), part);
    std::uint32_t moved = 0;
    if (!go_on(written, part.size(), moved)) break;
    stream.sent += moved;
  }
  stream.writer_ended = true;
  stream.pipe.close_writing();
  ++model.ended;
}

Task<> receives(IoModel& model, Token, Stream& stream) {
  std::array<std::byte, 900> bytes;
  for (;;) {
    const std::span<std::byte> room =
        std::span(bytes).first(model.dice.between(1, static_cast<unsigned>(bytes.size())));
    const auto got = co_await read(stream.pipe.reading(), room);
    std::uint32_t moved = 0;
    if (!go_on(got, room.size(), moved)) break;
    expect(holds(room.first(moved), stream.name, stream.received),
           "a pipe gave other bytes, or another order, than were written to it");
    stream.received += moved;
    if (got && moved == 0) {
      expect(stream.writer_ended, "a read gave the end of a pipe that is open for writing");
      expect(stream.received == stream.sent, "bytes were lost in a pipe");
      break;
    }
  }
  ++model.ended;
}

Task<> nops(IoModel& model, Token, unsigned count) {
  for (unsigned i = 0; i != count; ++i) {
    const auto result = co_await nop();
    if (!result) {
      expect(Executor::current().ending() && result.error() == std::errc::operation_canceled,
             "a nop failed");
      break;
    }
    expect(*result == 0, "a nop gave another result than 0");
  }
  ++model.ended;
}

Task<> one_of(IoModel& model, unsigned number) {
  const unsigned rounds = model.dice.between(1, 6);
  const unsigned draw = model.dice.below(3);
  if (draw == 0) return nops(model, Token(), rounds * 3);
  return keeps_a_piece(model, Token(), number, rounds);
}

Task<> all_of_them(IoModel& model, Token) {
  std::vector<JoinHandle<void>> handles;
  handles.push_back(spawn(appends(model, Token(), model.dice.below(6))));
  const unsigned workers = model.dice.below(16);
  for (unsigned i = 0; i != workers; ++i) handles.push_back(spawn(one_of(model, i)));
  const unsigned streams = model.dice.below(4);
  for (unsigned i = 0; i != streams; ++i) {
    model.streams.push_back(std::make_unique<Stream>());
    Stream& stream = *model.streams.back();
    stream.name = 77 + i;
    stream.bytes = model.dice.below(9'000);
    handles.push_back(spawn(sends(model, Token(), stream)));
    handles.push_back(spawn(receives(model, Token(), stream)));
  }
  model.tasks = static_cast<unsigned>(handles.size());
  // Some programs end with everything in flight, others wait for some of it or for all.
  const unsigned waited_for = model.dice.percent(30) ? model.dice.below(model.tasks) : model.tasks;
  for (unsigned i = 0; i != waited_for; ++i) co_await handles[i];
}

void check(IoModel& model) {
  expect(model.ended == model.tasks, "run() returned before every task had ended");
  for (const auto& stream : model.streams)
    expect(stream->received <= stream->sent, "more came out of a pipe than went in");
  std::vector<std::byte> appended(model.appended + 1);
  expect(pread(model.positioned.fd(), appended.data(), appended.size(), 0) ==
             static_cast<ssize_t>(model.appended),
         "a file written at its own position has another length than was reported as written");
  expect(holds(std::span(appended).first(model.appended), 7, 0),
         "a file written at its own position holds other bytes");
}

}  // namespace

void random_io_program(std::uint64_t seed) {
  IoModel model(seed);
  ExecutorOptions options;
  options.ring.entries = 1u << model.dice.below(7);
  options.resumes_per_turn_max = model.dice.percent(50) ? 256 : model.dice.between(1, 9);
  options.turns_without_enter_max = model.dice.between(1, 3);
  {
    Executor executor(options);
    executor.run(all_of_them(model, Token()));
    expect(executor.tasks_alive() == 0, "E6: tasks are alive after run()");
    expect(executor.ring().in_flight() == 0, "E6: operations are in flight after run()");
    expect(executor.ring().unsubmitted() == 0, "R1: entries were left unsubmitted after run()");
  }
  check(model);
}

}  // namespace percore::test
