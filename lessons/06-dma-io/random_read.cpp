// Random reads past the page cache: what each took, with 1 to 64 of them at once.
#include <unistd.h>

#include <algorithm>
#include <command_line.hpp>
#include <percore/dma_file.hpp>
#include <random>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "parts/latencies.hpp"
#include "parts/page_cache.hpp"

namespace {

using percore::DmaBuffer;
using percore::DmaFile;
using percore::JoinHandle;
using percore::Result;
using percore::Task;
using percore::Time;

struct Work {
  std::size_t block_bytes;
  std::size_t reads;
};

// One of those that read at the same time: the next read begins when the one before has ended.
Task<> reads_in_turn(DmaFile& file, std::uint64_t blocks, Work work, std::mt19937_64& random,
                     std::vector<double>& took_us) {
  while (took_us.size() < work.reads) {
    const std::uint64_t offset = random() % blocks * work.block_bytes;
    const Time began = percore::now();
    const Result<DmaBuffer> got = co_await file.read(offset, work.block_bytes);
    if (!got) lesson::give_up("the file", "it cannot be read", got.error().value());
    took_us.push_back(static_cast<double>((percore::now() - began).nanoseconds) / 1000);
  }
}

Task<lesson::AtDepth> at_depth(DmaFile& file, std::uint64_t blocks, Work work, unsigned depth) {
  std::mt19937_64 random(depth);
  std::vector<double> took_us;
  took_us.reserve(work.reads + depth);
  const Time began = percore::now();
  std::vector<JoinHandle<void>> readers;
  for (unsigned i = 0; i < depth; ++i)
    readers.push_back(percore::spawn(reads_in_turn(file, blocks, work, random, took_us)));
  for (auto& reader : readers) co_await reader;
  const Time took = percore::now() - began;
  std::ranges::sort(took_us);
  co_return lesson::AtDepth{.depth = depth,
                            .reads_per_second = static_cast<double>(took_us.size()) /
                                                (static_cast<double>(took.nanoseconds) / 1e9),
                            .p50_us = lesson::percentile(took_us, 50),
                            .p90_us = lesson::percentile(took_us, 90),
                            .p99_us = lesson::percentile(took_us, 99),
                            .p999_us = lesson::percentile(took_us, 99.9)};
}

Task<std::vector<lesson::AtDepth>> all_depths(std::string path, Work work) {
  percore::DmaArena arena({.bytes = 128 * (work.block_bytes + percore::dma_granule_bytes)});
  Result<DmaFile> file = co_await DmaFile::open(arena, path, percore::DmaOpen::read_only);
  if (!file) lesson::give_up(path, "it cannot be opened", file.error().value());
  if (!file->direct()) fmt::print("{}\n", file->why_not_direct());
  const Result<std::uint64_t> size = co_await file->size();
  if (!size || *size < work.block_bytes)
    lesson::give_up(path, "it is shorter than one block", size ? 0 : size.error().value());
  std::vector<lesson::AtDepth> all;
  fmt::print("{:>7}{:>12}{:>10}{:>10}{:>10}{:>10}\n", "depth", "reads/s", "p50", "p90", "p99",
             "p99.9");
  for (unsigned depth = 1; depth <= 64; depth *= 2) {
    const lesson::AtDepth one = co_await at_depth(*file, *size / work.block_bytes, work, depth);
    fmt::print("{:>7}{:>12.0f}{:>7.0f} us{:>7.0f} us{:>7.0f} us{:>7.0f} us\n", one.depth,
               one.reads_per_second, one.p50_us, one.p90_us, one.p99_us, one.p999_us);
    std::fflush(stdout);
    all.push_back(one);
  }
  co_await file->close();
  co_return all;
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line(
      "Random reads past the page cache: how long they take, with 1 to 64 of them at once.",
      "random_read");
  std::string path;
  std::string svg;
  std::size_t sample_mib = 256;
  Work work{.block_bytes = 4096, .reads = 4'000};
  line.text("--file", path, "the file to read; without it, one that is made for this");
  line.number("--sample", sample_mib, 1, 65'536, "MiB of the file that is made");
  line.number("--block", work.block_bytes, 1, 1u << 20, "bytes of each read");
  line.number("--reads", work.reads, 1, 100'000'000, "at each depth");
  line.text("--svg", svg, "a file for a drawing of it");
  if (const auto status = line.parse(argc, argv)) return *status;
  const bool own = path.empty();
  if (own) {
    path = "percore_sample.tmp";
    lesson::make_sample(path, std::uint64_t{sample_mib} << 20);
  }
  const std::vector<lesson::AtDepth> all = percore::Executor().run(all_depths(path, work));
  if (own) unlink(path.c_str());
  fmt::print("\n{}", lesson::as_plot(all));
  if (svg.empty()) return 0;
  percore::lesson::write_drawing(svg, lesson::as_svg(all));
  fmt::print("\n{} shows the same as a drawing\n", svg);
}
