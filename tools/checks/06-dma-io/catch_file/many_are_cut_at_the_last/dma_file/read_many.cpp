// Many reads made few: ranges that lie close together are read as one.

#include <percore/dma_file.hpp>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <numeric>
#include <percore/combinators.hpp>

namespace percore {

// One read: the aligned range [begin, begin + size), and the ranges it is for, by their numbers.
struct DmaFile::Group {
  std::uint64_t begin = 0;
  std::size_t size = 0;
  std::vector<std::size_t> ranges;
  DmaBuffer block;
  Result<std::size_t> got = std::size_t{0};
};

std::vector<DmaFile::Group> DmaFile::grouped(const std::vector<DmaRange>& ranges,
                                             std::size_t alignment, DmaMergeOptions merge) {
  std::vector<std::size_t> order(ranges.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t number) { return ranges[number].offset; });
  std::vector<Group> groups;
  for (const std::size_t number : order) {
    if (ranges[number].size == 0 || ends_too_late(ranges[number])) continue;
    const WidenedRange wide = widened(ranges[number], alignment);
    if (!groups.empty()) {
      Group& last = groups.back();
      const std::uint64_t last_end = last.begin + last.size;
      const std::uint64_t end = wide.begin + wide.size;
      const bool near = wide.begin <= last_end || wide.begin - last_end <= merge.gap_bytes_max;
      // One that adds nothing costs nothing, however long the read is already.
      if (near && (end == last_end || end - last.begin <= merge.read_bytes_max)) {
        last.size = static_cast<std::size_t>(end - last.begin);
        last.ranges.push_back(number);
        continue;
      }
    }
    Group& group = groups.emplace_back();
    group.begin = wide.begin;
    group.size = wide.size;
    group.ranges.push_back(number);
  }
  return groups;
}

Task<> DmaFile::fill_group(Inside& file, Group& group) {
  const SemaphoreUnits place = co_await file.places.hold();
  group.got = co_await fill(file, group.block.bytes(), group.begin, group.size);
}

Task<std::vector<Result<DmaBuffer>>> DmaFile::read_merged(Inside& file, Result<GatePass> entered,
                                                          std::vector<DmaRange> ranges,
                                                          DmaMergeOptions merge) {
  const Result<GatePass> pass = std::move(entered);
  // What a range gets that no read is for: nothing, or why not.
  std::vector<Result<DmaBuffer>> results;
  results.reserve(ranges.size());
  for (const DmaRange& range : ranges) {
    if (range.size != 0 && ends_too_late(range))
      results.emplace_back(std::unexpected(std::error_code(EINVAL, std::system_category())));
    else
      results.emplace_back();
  }
  const auto all_get = [&](std::vector<Group>& groups, std::error_code error) {
    for (const Group& group : groups)
      for (const std::size_t number : group.ranges) results[number] = std::unexpected(error);
  };
  std::vector<Group> groups = grouped(ranges, file.alignment, merge);
  if (!pass) {
    all_get(groups, pass.error());
    co_return results;
  }
  if (groups.empty()) co_return results;
  std::size_t bytes = 0;
  for (const Group& group : groups) {
    if (group.size > file.arena.size_bytes() - bytes) {
      all_get(groups, std::error_code(ENOBUFS, std::system_category()));
      co_return results;
    }
    bytes += group.size;
  }
  const Result<DmaBuffer> block = co_await file.arena.allocate(bytes);
  if (!block) {
    all_get(groups, block.error());
    co_return results;
  }
  std::vector<Task<void>> reads;
  reads.reserve(groups.size());
  std::size_t place = 0;
  for (Group& group : groups) {
    group.block = block->slice(place, group.size);
    place += group.size;
    reads.push_back(fill_group(file, group));
  }
  co_await when_all(std::move(reads));
  for (const Group& group : groups) {
    for (const std::size_t number : group.ranges) {
      if (!group.got) {
        results[number] = std::unexpected(group.got.error());
        continue;
      }
      const auto begin = static_cast<std::size_t>(ranges[number].offset - group.begin);
      const std::size_t there = *group.got > begin ? *group.got - begin : 0;
      results[number] =
          group.block.slice(std::min(begin, *group.got), std::min(ranges[number].size, there));
    }
  }
  co_return results;
}

}  // namespace percore
