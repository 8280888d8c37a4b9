// Lesson 06's goal: a file is copied in four ways, and what each of them cost stands in one table.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <command_line.hpp>
#include <percore/clock.hpp>
#include <string>

#include <fmt/core.h>

#include "parts/four_ways.hpp"
#include "parts/mistakes.hpp"
#include "parts/page_cache.hpp"

namespace {

using percore::Time;

struct Way {
  const char* name;
  lesson::Copy copy;
};
constexpr Way ways[] = {{"read and write", lesson::copy_by_calls},
                        {"mmap", lesson::copy_by_mapping},
                        {"ring, page cache", lesson::copy_by_ring},
                        {"ring, DMA", lesson::copy_by_dma}};

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Of all threads of this program, those that the kernel has started for the ring among them.
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double mib(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1u << 20);
}

std::uint64_t size_of(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) lesson::give_up(path, "it cannot be looked at", errno);
  if (!S_ISREG(status.st_mode)) lesson::give_up(path, "it is no plain file", 0);
  if (status.st_size == 0) lesson::give_up(path, "it is empty: there is nothing to copy", 0);
  return static_cast<std::uint64_t>(status.st_size);
}

bool show_copies(const std::string& from, const std::string& folder) {
  const std::string to = folder + "/percore_copy.tmp";
  const std::uint64_t size = size_of(from);
  const std::uint64_t hash = lesson::hash_of(from);
  fmt::print("{:.1f} MiB, read from the disk and synced to it again\n\n", mib(size));
  fmt::print("{:<18}{:>10}{:>14}{:>22}\n", "way", "MiB/s", "CPU ms a GiB", "in the page cache");
  bool equal = true;
  std::string remarks;
  for (const Way& way : ways) {
    lesson::forget(from);
    const double cpu_before = cpu_seconds();
    const Time began = percore::now();
    way.copy(from, to);
    const Time took = percore::now() - began;
    const double cpu = cpu_seconds() - cpu_before;
    const std::uint64_t cached =
        lesson::cached_bytes(from).value_or(0) + lesson::cached_bytes(to).value_or(0);
    if (way.copy == lesson::copy_by_dma)
      for (const std::string& path : {from, to})
        if (const std::string why = lesson::why_not_direct(path); !why.empty())
          remarks += fmt::format("{} was not copied by DMA: {}\n", path, why);
    const bool same = lesson::hash_of(to) == hash;
    equal = equal && same;
    fmt::print("{:<18}{:>10.0f}{:>14.0f}{:>18.1f} MiB{}\n", way.name,
               mib(size) / (static_cast<double>(took.nanoseconds) / 1e9),
               cpu * 1000 / (mib(size) / 1024), mib(cached), same ? "" : "   THE COPY DIFFERS");
    unlink(to.c_str());
  }
  if (!lesson::cached_bytes(from))
    remarks += fmt::format("What of {} is in the page cache is told to its owner only.\n", from);
  if (!remarks.empty()) fmt::print("\n{}", remarks);
  fmt::print("\n{}\n", equal ? "All four copies have the same hash as the file."
                             : "A copy has another hash than the file.");
  return equal;
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line("Copies a file in four ways, and shows what each of them cost.",
                                    "copy");
  std::string from;
  std::string folder = ".";
  std::string mistake;
  std::size_t sample_mib = 256;
  line.text("--file", from, "the file to copy; without it, one that is made for this");
  line.text("--to", folder, "the folder that the copies go to, and are removed from again");
  line.number("--sample", sample_mib, 1, 65'536, "MiB of the file that is made");
  line.sabotage(mistake, {{"misaligned", "asks the kernel for ranges that a device does not know"},
                          {"padded-tail", "writes whole sectors and leaves it at that"}});
  if (const auto status = line.parse(argc, argv)) return *status;
  if (mistake == "misaligned") {
    lesson::misaligned(folder);
    return 0;
  }
  if (mistake == "padded-tail") {
    lesson::padded_tail(folder);
    return 0;
  }
  const bool own = from.empty();
  if (own) {
    from = folder + "/percore_sample.tmp";
    lesson::make_sample(from, std::uint64_t{sample_mib} << 20);
  }
  const bool equal = show_copies(from, folder);
  if (own) unlink(from.c_str());
  return equal ? 0 : 1;
}
