#pragma once

#include "files.hpp"

#include <percore/check_page.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace percore::tutor {

/// What a supervised program may use. A learner's code is buggy code: each limit has its own
/// ending.
struct Limits {
  /// Without a change of seed or operation: so much processor time is a spin, so much wall time
  /// asleep is a wait.
  std::chrono::milliseconds spin{1500};
  std::chrono::milliseconds wait{2000};
  std::chrono::milliseconds wall{60'000};  ///< whatever happens
  std::uint64_t resident_bytes_max = 512ULL << 20;
  std::uint64_t output_bytes_max = 1ULL << 20;
  std::uint64_t file_bytes_max = 64ULL << 20;   ///< one file
  std::uint64_t disk_bytes_max = 256ULL << 20;  ///< all that it wrote; checks only
  unsigned files_max = 10'000;                  ///< in its folder; checks only
  unsigned threads_max = 1'024;                 ///< checks only
  std::uint64_t processor_seconds_max = 0;      ///< of one process of a build; 0: no limit
  std::uint64_t address_bytes_max = 0;          ///< of one process of a build; 0: no limit
  unsigned open_files_max = 256;
  bool may_fork = false;  ///< compilers may, checks may not
};

enum class Ending {
  exited,          ///< by itself, see exit_status
  signalled,       ///< see signal
  spun,            ///< took processor time and got nowhere
  waited,          ///< slept and would have slept on; see waits_in
  out_of_time,     ///< made progress, but took longer than the wall limit
  flooded,         ///< printed too much
  flooded_report,  ///< the same, on the descriptor of the checker
  forked,          ///< tried to start a process
  ate_memory,
  filled_disk,
  ran_wild,  ///< started threads without end
};

struct Supervised {
  Ending ending = Ending::exited;
  int exit_status = 0;
  int signal = 0;
  std::string output;    ///< standard output and error, at most the limit; printable in a check
  std::string report;    ///< what came over the report descriptor
  std::string waits_in;  ///< for waited: the system call, "io_uring_enter"
  check::Page page{};    ///< the last state of the shared page
  std::uint64_t nonce = 0;
};

/// Thrown by supervise when a descriptor given to give_way_to became readable: somebody wants
/// something else now.
struct GaveWay {};

/// While watching, a save or a key makes the verdict under way worthless: supervise then ends its
/// child and throws GaveWay. An empty list turns this off.
void give_way_to(std::vector<int> descriptors);

/// What the caller has to do with a child that runs.
struct Listener {
  std::function<void(std::string_view)> told = nullptr;  ///< all of its output so far, as it comes
  int stop = -1;  ///< a descriptor: once it can be read, the child is ended as if out of time
};

/// Runs `words` (words[0] is a path) as a child with limits, in a session of its own, standard
/// input empty, and returns when it is gone. One that may not fork can write below `folder` only.
/// For a check program (`page` true) `--report-fd` and `--page-fd` are added. No child outlives
/// this call: not on Interrupted, which it throws, and not when the tutor itself is killed.
Supervised supervise(const std::vector<std::string>& words, const fs::path& folder,
                     const Limits& limits, bool page,
                     const std::vector<std::string>& environment = {},
                     const Listener& listener = {});

}  // namespace percore::tutor
