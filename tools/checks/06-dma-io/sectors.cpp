// 06.1 sectors: each question is tried on the disk in memory.

#include "by_hand.hpp"

using namespace checks;

namespace {

constexpr const char* the_end_of_a_stream = "Lesson 06, *The writer*";

Task<> reads_at(std::size_t place, std::size_t size, std::uint64_t offset,
                Result<std::uint32_t>& got) {
  const auto page = std::make_unique<Page>();
  const int fd = co_await opens("/sim/file", O_RDONLY | O_DIRECT);
  got = co_await percore::read(fd, std::span(page->bytes).subspan(place, size), offset);
  co_await closes(fd);
}
Result<std::uint32_t> read_of(Run& run, std::size_t place, std::size_t size, std::uint64_t offset) {
  on_a_disk(run);
  sim::make_file("/sim/file", std::string(10'000, 'x'));
  Result<std::uint32_t> got = std::uint32_t{0};
  run_on_executor(reads_at(place, size, offset, got));
  return got;
}
std::string is_refused(const Result<std::uint32_t>& got) {
  return yes_or_no(!got && got.error() == system_error(EINVAL));
}

}  // namespace

PERCORE_CHECK("", offset, "A1", "an offset is a multiple of what the file demands",
              what_the_file_demands, .seeds = 1, .faults = false) {
  static constexpr Misconception known[] = {
      {"no", "the device moves whole sectors: a read that begins within one is EINVAL"}};
  expect_answer(run, "offset", is_refused(read_of(run, 0, 512, 100)), known, "answer yes or no");
}
PERCORE_CHECK("", length, "A1", "a length is a multiple of what the file demands",
              what_the_file_demands, .seeds = 1, .faults = false) {
  static constexpr Misconception known[] = {
      {"no", "the device moves whole sectors: a length that ends within one is EINVAL"}};
  expect_answer(run, "length", is_refused(read_of(run, 0, 700, 0)), known, "answer yes or no");
}
PERCORE_CHECK("", memory, "A1", "memory begins at a multiple of what the file demands",
              what_the_file_demands, .seeds = 1, .faults = false) {
  static constexpr Misconception known[] = {
      {"no", "the device writes into your memory by itself, and wants it aligned too: EINVAL"}};
  expect_answer(run, "memory", is_refused(read_of(run, 8, 4096, 0)), known, "answer yes or no");
}
PERCORE_CHECK("", tail, "A2", "fewer bytes at the end of the file alone", aligned_ranges,
              .seeds = 1, .faults = false) {
  static constexpr Misconception known[] = {
      {"4096", "the file ends after 10000 bytes, and no read gives what is not there"},
      {"2048", "the last sector is read whole, but the kernel counts only what is in the file"},
      {"0", "there are bytes at 8192: an aligned read may reach beyond the end"}};
  expect_answer(run, "tail", std::to_string(read_of(run, 0, 4096, 8192).value_or(0)), known,
                "10000 bytes, of which the read begins at 8192");
}
PERCORE_CHECK("", beyond, "A2", "no bytes beyond the end of the file", aligned_ranges, .seeds = 1,
              .faults = false) {
  static constexpr Misconception known[] = {
      {"4096", "the file has 10000 bytes, and there is nothing at 12288"}};
  expect_answer(run, "beyond", std::to_string(read_of(run, 0, 4096, 12288).value_or(1)), known,
                "beyond the end a read gives 0, which is no error");
}
PERCORE_CHECK("", padded, "M8", "a padded tail is cut off by truncate()", the_end_of_a_stream,
              .seeds = 1, .faults = false) {
  on_a_disk(run);
  run_on_executor(writes_block("/sim/new", O_WRONLY | O_CREAT | O_DIRECT, 'n', false));
  static constexpr Misconception known[] = {
      {"300",
       "300 bytes cannot be written: an aligned write has whole sectors, and the file is as "
       "long as what was written. Somebody must cut the padding off"},
      {"4096", "the device's sectors have 512 bytes, and one is enough for 300"}};
  expect_answer(run, "padded", std::to_string(sim::file_content("/sim/new").value_or("").size()),
                known, "a whole number of sectors of 512 bytes");
}
