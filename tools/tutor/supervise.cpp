#include "supervise.hpp"

#include "printable.hpp"
#include "problem.hpp"
#include "sandbox.hpp"
#include "terminal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <utility>

namespace percore::tutor {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::vector<int> gives_way_to;

// A descriptor that closes itself.
struct Descriptor {
  int number = -1;
  Descriptor() = default;
  explicit Descriptor(int value) : number(value) {}
  Descriptor(Descriptor&& other) noexcept : number(std::exchange(other.number, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number, other.number);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() noexcept {
    if (number >= 0) ::close(number);
    number = -1;
  }
};

struct Pipe {
  Descriptor read_end, write_end;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) give_up("No pipe can be made: {}.", std::strerror(errno));
    read_end = Descriptor(ends[0]);
    write_end = Descriptor(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
};

// Where the learner's code is not expected to look: far from the descriptors that it opens itself.
constexpr int REPORT_DESCRIPTOR = 200;
constexpr int PAGE_DESCRIPTOR = 201;

struct SharedPage {
  Descriptor memory;
  check::Page* page = nullptr;
  SharedPage() : memory(memfd_create("percore-check", MFD_CLOEXEC)) {
    if (memory.number < 0 || ftruncate(memory.number, sizeof(check::Page)) != 0)
      give_up("No shared memory can be made: {}.", std::strerror(errno));
    void* mapped =
        mmap(nullptr, sizeof(check::Page), PROT_READ | PROT_WRITE, MAP_SHARED, memory.number, 0);
    if (mapped == MAP_FAILED) give_up("Shared memory cannot be mapped: {}.", std::strerror(errno));
    page = static_cast<check::Page*>(mapped);
    page->operation = UINT64_MAX;
  }
  ~SharedPage() { munmap(page, sizeof(check::Page)); }
  SharedPage(const SharedPage&) = delete;
  SharedPage& operator=(const SharedPage&) = delete;
};

// What /proc says of the child.
struct Usage {
  char state = '?';
  std::uint64_t threads = 0;
  milliseconds processor{0};
  std::uint64_t resident_bytes = 0;
};

std::string read_proc(pid_t child, const char* file) {
  const Descriptor opened(
      open(fmt::format("/proc/{}/{}", child, file).c_str(), O_RDONLY | O_CLOEXEC));
  char text[1024];
  const ssize_t got = opened.number < 0 ? -1 : read(opened.number, text, sizeof text);
  return got > 0 ? std::string(text, static_cast<std::size_t>(got)) : "";
}

// From the stat file of a process or of one of its threads.
Usage usage_from(const std::string& stat) {
  // Field 2, the name, may hold spaces: count from its closing bracket. 3 state, 14 utime, 15
  // stime, 20 num_threads, 24 rss.
  const std::size_t bracket = stat.rfind(')');
  if (bracket == stat.npos) return {};
  const auto fields = split_words(std::string_view(stat).substr(bracket + 1));
  if (fields.size() < 22) return {};
  const auto number = [&](std::size_t field) {
    std::uint64_t value = 0;
    std::from_chars(fields[field - 3].data(), fields[field - 3].data() + fields[field - 3].size(),
                    value);
    return value;
  };
  const auto ticks_per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  return {.state = fields[0][0],
          .threads = number(20),
          .processor = milliseconds((number(14) + number(15)) * 1000 / ticks_per_second),
          .resident_bytes = number(24) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))};
}

Usage usage_of(pid_t child) {
  return usage_from(read_proc(child, "stat"));
}

// The thread of the child that has used the most of the processor, of those that run or could run:
// on a busy machine one that is about to sleep may be among them for long. 0 when all are asleep,
// stopped or gone.
pid_t running_thread(pid_t child) {
  std::error_code error;
  const fs::path tasks = fmt::format("/proc/{}/task", child);
  pid_t found = 0;
  milliseconds most{-1};
  for (auto at = fs::directory_iterator(tasks, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    const Usage usage = usage_from(read_if_there(at->path() / "stat").value_or(""));
    if (usage.state != 'R' || usage.processor <= most) continue;
    most = usage.processor;
    found = std::atoi(at->path().filename().c_str());
  }
  return found;
}

// What the child keeps on disk or in memory files: all below its folder, and what it holds open
// without a name (unlinked, memfd).
struct Holdings {
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
};

Holdings holdings_of(pid_t child, const fs::path& folder, std::uint64_t files_max) {
  Holdings out;
  const auto add = [&out](const struct stat& status) {
    constexpr std::uint64_t BLOCK = 512;  // what st_blocks counts in, whatever the file system
    out.bytes += static_cast<std::uint64_t>(status.st_blocks) * BLOCK;
  };
  std::error_code error;
  struct stat status{};
  for (auto at = fs::recursive_directory_iterator(
           folder, fs::directory_options::skip_permission_denied, error);
       !error && at != fs::recursive_directory_iterator() && out.files <= files_max;
       at.increment(error)) {
    // Nobody needs so many folders in folders, and a walk needs a descriptor for each.
    constexpr int DEPTH_MAX = 32;
    out.files += at.depth() > DEPTH_MAX ? files_max + 1 : 1;
    if (lstat(at->path().c_str(), &status) == 0) add(status);
  }
  for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", child), error))
    if (stat(entry.path().c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 0)
      add(status);
  return out;
}

// What a child that sleeps in small pieces waits in is seen only while it sleeps: one that is awake
// at the moment is looked at again.
std::vector<std::string> system_call_of(pid_t child) {
  for (int tries = 0; tries < 50; ++tries) {
    auto words = split_words(read_proc(child, "syscall"));
    if (words.empty() || words[0] != "running") return words;
    usleep(1000);
  }
  return {};
}

// The system call that the child sleeps in, by name where it is one that learners meet.
std::string waits_in(pid_t child) {
  const auto words = system_call_of(child);
  if (words.empty()) return "";
  int number = -1;
  std::from_chars(words[0].data(), words[0].data() + words[0].size(), number);
  switch (number) {
    case __NR_io_uring_enter:
      return "io_uring_enter";
    case __NR_futex:
      return "futex (a mutex, a condition or a join)";
    case __NR_read:
      return "read";
    case __NR_write:
      return "write";
    case __NR_openat:
      return "open (of a fifo, perhaps: it waits for the other end)";
    case __NR_clock_nanosleep:
      return "clock_nanosleep (a sleep)";
    case __NR_nanosleep:
      return "nanosleep (a sleep)";
    case __NR_rt_sigsuspend:
      return "sigsuspend";
    case __NR_ppoll:
      return "poll";
    case __NR_epoll_pwait:
      return "epoll_wait";
#ifdef __NR_poll
    case __NR_poll:
      return "poll";
    case __NR_pause:
      return "pause";
    case __NR_epoll_wait:
      return "epoll_wait";
    case __NR_select:
      return "select";
#endif
    case __NR_pselect6:
      return "select";
    case __NR_recvfrom:
      return "recv";
    case __NR_accept4:
      return "accept";
    case __NR_wait4:
      return "wait";
    default:
      return fmt::format("system call {}", number);
  }
}

// Ends every process of a session. Ninja puts each compiler into a process group of its own, so
// that ending ninja's group is not enough; all of them stay in the session that we made for it. A
// compiler that was killed takes a while to give its memory back, and is waited for.
void end_session(pid_t session) noexcept {
  for (int found = 1, tries = 0; found > 0 && tries < 1000; ++tries) {
    if (tries > 0) usleep(2000);
    found = 0;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
      pid_t process = 0;
      const std::string name = entry.path().filename();
      if (std::from_chars(name.data(), name.data() + name.size(), process).ec != std::errc{})
        continue;
      if (process == session || getsid(process) != session) continue;
      const std::string stat = read_proc(process, "stat");
      const std::size_t bracket = stat.rfind(") ");
      if (bracket == stat.npos || stat[bracket + 2] == 'Z') continue;
      ++found;
      kill(process, SIGKILL);
    }
  }
}

struct Child {
  pid_t id = -1;
  bool may_fork = false;
  ~Child() { end(); }
  // The whole group, and then the child itself is waited for: nothing stays, not even a zombie.
  void end() noexcept {
    if (id <= 0) return;
    kill(-id, SIGKILL);
    kill(id, SIGKILL);
    if (may_fork) end_session(id);
    while (waitpid(id, nullptr, 0) < 0 && errno == EINTR) {
    }
    id = -1;
  }
};

class Supervisor {
 public:
  Supervisor(const Limits& limits, bool page, const Listener& listener)
      : limits_(limits), with_page_(page), listener_(listener) {
    if (getrandom(&out_.nonce, sizeof out_.nonce, 0) != sizeof out_.nonce) out_.nonce = 0x5eed;
    out_.nonce |= 1;
    shared_.page->nonce = out_.nonce;
  }

  void start(std::vector<std::string> words, const fs::path& folder,
             const std::vector<std::string>& environment);
  Supervised watch();

 private:
  [[noreturn]] void become(char* const* words, char* const* environment,
                           const char* folder) noexcept;
  void drain(Descriptor& from, std::string& into, Ending when_too_much);
  bool look();
  bool look_at_holdings(Clock::time_point now);
  void stop(Ending ending);
  void finish(int status);

  Limits limits_;
  bool with_page_;
  const Listener& listener_;
  Supervised out_;
  SharedPage shared_;
  Pipe output_, report_, failure_;
  Child child_;
  fs::path folder_;
  Clock::time_point started_ = Clock::now();
  Clock::time_point held_ = started_;  ///< when the holdings were last looked at

  // Progress: when the page last changed, and the processor time then.
  Clock::time_point moved_ = Clock::now();
  milliseconds processor_then_{0};
  std::uint64_t resident_then_ = 0;
  std::uint64_t seed_then_ = UINT64_MAX, operation_then_ = UINT64_MAX;
  std::uint32_t stage_then_ = UINT32_MAX;
};

void Supervisor::start(std::vector<std::string> words, const fs::path& folder,
                       const std::vector<std::string>& environment) {
  if (with_page_) {
    for (const auto& [option, value] :
         {std::pair{"--report-fd", REPORT_DESCRIPTOR}, {"--page-fd", PAGE_DESCRIPTOR}}) {
      words.emplace_back(option);
      words.push_back(fmt::format("{}", value));
    }
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<std::string> variables = environment;
  for (char** variable = environ; *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  std::vector<char*> pointers;
  for (std::string& variable : variables) pointers.push_back(variable.data());
  pointers.push_back(nullptr);

  folder_ = folder;
  const std::string where = folder.string();
  child_.may_fork = limits_.may_fork;
  // A copy of our memory would be for nothing, and after it each page that we write costs a fault
  // and a word to every CPU: the child borrows it until it is another program (vfork(2)).
  child_.id = vfork();
  if (child_.id < 0) give_up("No process can be started: {}.", std::strerror(errno));
  if (child_.id == 0) become(arguments.data(), pointers.data(), where.c_str());
  output_.write_end.close();
  report_.write_end.close();
  failure_.write_end.close();
}

// In the child, between vfork and exec: what it writes to our memory stays there.
void Supervisor::become(char* const* words, char* const* environment, const char* folder) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a killed tutor takes its child along
  setsid();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_DFL);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(output_.write_end.number, STDOUT_FILENO);
  dup2(output_.write_end.number, STDERR_FILENO);
  if (with_page_) {
    dup2(report_.write_end.number, REPORT_DESCRIPTOR);
    dup2(shared_.memory.number, PAGE_DESCRIPTOR);
  }
  if (chdir(folder) == 0) {
    enter_sandbox(limits_, words[0], folder);
    execve(words[0], words, environment);
  }
  const int error = errno;
  [[maybe_unused]] const ssize_t wrote = write(failure_.write_end.number, &error, sizeof error);
  _exit(127);
}

void Supervisor::drain(Descriptor& from, std::string& into, Ending when_too_much) {
  char block[1 << 14];
  for (;;) {
    const ssize_t got = from.number < 0 ? 0 : read(from.number, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return;  // EAGAIN: nothing more for now
    if (got == 0) {
      from.close();
      return;
    }
    into.append(block, static_cast<std::size_t>(got));
    if (into.size() > limits_.output_bytes_max) {
      into.resize(limits_.output_bytes_max);
      stop(when_too_much);
      return;
    }
  }
}

void Supervisor::stop(Ending ending) {
  if (child_.id < 0) return;
  out_.ending = ending;
  if (ending == Ending::waited)
    out_.waits_in =
        usage_of(child_.id).state == 'T' ? "SIGSTOP, which it sent itself" : waits_in(child_.id);
  if (with_page_ && (ending == Ending::spun || ending == Ending::waited)) {
    // Its handler writes the return addresses into the page: where it spins or waits. The thread
    // that spins need not be the first.
    const pid_t spinning = ending == Ending::spun ? running_thread(child_.id) : 0;
    if (spinning == 0 || tgkill(child_.id, spinning, check::SIGNAL_WHERE) != 0)
      kill(child_.id, check::SIGNAL_WHERE);
    for (int i = 0; i < 20 && shared_.page->frame_count == 0; ++i) usleep(5000);
  }
  child_.end();
}

// Walking a folder costs, and output makes the supervisor look often.
bool Supervisor::look_at_holdings(Clock::time_point now) {
  if (limits_.may_fork || now - held_ < milliseconds(40)) return true;
  held_ = now;
  const Holdings held = holdings_of(child_.id, folder_, limits_.files_max);
  if (held.bytes <= limits_.disk_bytes_max && held.files <= limits_.files_max) return true;
  return stop(Ending::filled_disk), false;
}

// Looks at what the child uses. Returns false when it was stopped for it.
bool Supervisor::look() {
  const auto now = Clock::now();
  const Usage usage = usage_of(child_.id);
  if (usage.resident_bytes > limits_.resident_bytes_max) return stop(Ending::ate_memory), false;
  if (!limits_.may_fork && usage.threads > limits_.threads_max)
    return stop(Ending::ran_wild), false;
  if (!look_at_holdings(now)) return false;
  if (now - started_ > limits_.wall) return stop(Ending::out_of_time), false;
  if (!with_page_) return true;
  const check::Page& page = *shared_.page;
  // Who eats memory gets somewhere: to that limit, which is then what there is to tell. A slow
  // machine takes longer to hand it out than a spin may last.
  const bool grows = usage.resident_bytes > resident_then_ + (32ULL << 20);
  if (page.seed != seed_then_ || page.operation != operation_then_ || page.stage != stage_then_ ||
      grows) {
    seed_then_ = page.seed;
    operation_then_ = page.operation;
    stage_then_ = page.stage;
    moved_ = now;
    processor_then_ = usage.processor;
    resident_then_ = usage.resident_bytes;
    return true;
  }
  const milliseconds used = usage.processor - processor_then_;
  if (used > limits_.spin) return stop(Ending::spun), false;
  // All threads asleep, stopped or gone, and hardly ever awake since: on a busy machine a ready
  // program may get no processor, which is no wait.
  if (now - moved_ > limits_.wait && used < limits_.wait / 10 && running_thread(child_.id) == 0)
    return stop(Ending::waited), false;
  return true;
}

void Supervisor::finish(int status) {
  if (WIFEXITED(status)) {
    out_.exit_status = WEXITSTATUS(status);
  } else {
    out_.ending = Ending::signalled;
    out_.signal = WTERMSIG(status);
    if (out_.signal == SIGSYS) out_.ending = Ending::forked;
  }
}

Supervised Supervisor::watch() {
  const Descriptor handle(static_cast<int>(syscall(SYS_pidfd_open, child_.id, 0)));
  while (child_.id > 0) {
    std::vector<pollfd> wanted;
    for (const int one : {listener_.stop, output_.read_end.number, report_.read_end.number,
                          handle.number, interrupt_descriptor()})
      wanted.push_back({.fd = one, .events = POLLIN, .revents = 0});
    for (const int one : gives_way_to)
      wanted.push_back({.fd = one, .events = POLLIN, .revents = 0});
    // Without pidfd (before Linux 5.3) the end is noticed at the next look.
    poll(wanted.data(), wanted.size(), handle.number >= 0 ? 50 : 5);
    for (std::size_t i = wanted.size() - gives_way_to.size(); i < wanted.size(); ++i)
      if (wanted[i].revents != 0) throw GaveWay{};
    throw_if_interrupted();  // the child ends with child_
    if (wanted.front().revents != 0) {
      stop(Ending::out_of_time);
      break;
    }
    const std::size_t before = out_.output.size();
    drain(output_.read_end, out_.output, Ending::flooded);
    if (listener_.told && out_.output.size() != before) listener_.told(out_.output);
    drain(report_.read_end, out_.report, Ending::flooded_report);
    if (child_.id < 0) break;
    int status = 0;
    if (waitpid(child_.id, &status, WNOHANG) == child_.id) {
      kill(-child_.id, SIGKILL);  // what it may have started
      child_.id = -1;
      finish(status);
      break;
    }
    if (!look()) break;
  }
  drain(output_.read_end, out_.output, Ending::flooded);
  drain(report_.read_end, out_.report, Ending::flooded_report);
  int error = 0;
  if (read(failure_.read_end.number, &error, sizeof error) == sizeof error)
    give_up("A program cannot be started: {}.", std::strerror(error));
  out_.page = *shared_.page;
  if (with_page_) out_.output = printable(out_.output);
  return std::move(out_);
}

}  // namespace

void give_way_to(std::vector<int> descriptors) {
  gives_way_to = std::move(descriptors);
}

Supervised supervise(const std::vector<std::string>& words, const fs::path& folder,
                     const Limits& limits, bool page, const std::vector<std::string>& environment,
                     const Listener& listener) {
  Supervisor supervisor(limits, page, listener);
  supervisor.start(words, folder, environment);
  return supervisor.watch();
}

}  // namespace percore::tutor
