// `doctor`: what this machine offers to the lessons, a line each: good, warning or bad, and what to
// do about it.

#include "commands.hpp"
#include "json.hpp"
#include "problem.hpp"
#include "sandbox.hpp"
#include "supervise.hpp"
#include "terminal.hpp"

#include <fcntl.h>
#include <linux/stat.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <percore/ring_setup.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace percore::tutor {

namespace {

enum class Health { good, warning, bad };

struct Finding {
  Health health;
  std::string what;
  std::string words;
  std::string remedy;  ///< empty when good
};

Finding look_at_kernel() {
  utsname system{};
  uname(&system);
  unsigned major = 0, minor = 0;
  std::sscanf(system.release, "%u.%u", &major, &minor);
  const unsigned version = major * 1000 + minor;
  const std::string release = std::string("Linux ") + system.release;
  if (version >= 6001) return {Health::good, "kernel", release, ""};
  if (version >= 5011)
    return {Health::warning, "kernel",
            release + ": the lessons run, without SINGLE_ISSUER and DEFER_TASKRUN",
            "Linux 6.1 or newer has both; on Debian 12 it is the default."};
  return {Health::bad, "kernel", release + " is too old for io_uring as percore uses it",
          "Install Linux 6.1 or newer (5.11 at least)."};
}

Finding look_at_ring() {
  io_uring ring;
  const auto opened = open_ring(ring, RingOptions{.entries = 64});
  if (!opened) return {Health::bad, "io_uring", opened.error().sentence, opened.error().remedy};
  io_uring_queue_exit(&ring);
  if (opened->lost.empty())
    return {Health::good, "io_uring", "usable, with every flag percore asks for", ""};
  std::string lost;
  for (const std::string& sentence : opened->lost) lost += (lost.empty() ? "" : " ") + sentence;
  return {Health::warning, "io_uring", "usable; " + lost,
          "A newer kernel has what is missing; the lessons run without."};
}

Finding look_at_memlock() {
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  // Registered buffers count against it, and before Linux 5.12 the rings too.
  constexpr rlim_t wanted_bytes = 512 * 1024;
  if (limit.rlim_cur == RLIM_INFINITY) return {Health::good, "memlock", "unlimited", ""};
  const std::string words = fmt::format("{} KiB may be locked", limit.rlim_cur / 1024);
  if (limit.rlim_cur >= wanted_bytes) return {Health::good, "memlock", words, ""};
  return {Health::warning, "memlock",
          words + "; registered buffers (lesson 06) want 512 KiB an executor",
          "Run `ulimit -l 8192`, or set memlock in /etc/security/limits.conf."};
}

Finding look_at_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0)
    return {Health::warning, "CPUs", "the set of allowed CPUs cannot be read",
            "Nothing to do for lesson 01."};
  const int count = CPU_COUNT(&set);
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  const std::string words = fmt::format("{} allowed of {} online", count, online);
  if (count >= 2) return {Health::good, "CPUs", words, ""};
  return {Health::warning, "CPUs", words + "; from lesson 03 on, two executors want two",
          "Give the container or virtual machine a second CPU (taskset -p shows the set)."};
}

// O_DIRECT in the working folder: whether, and with which alignment (statx STATX_DIOALIGN,
// Linux 6.1).
Finding look_at_direct_io(const fs::path& root) {
  std::string path = (root / ".percore-doctor-XXXXXX").string();
  const int file = mkostemp(path.data(), O_DIRECT);
  if (file < 0) {
    const int error = errno;
    unlink(path.c_str());
    if (error == EINVAL)
      return {Health::warning, "O_DIRECT", root.string() + " is on a file system without it",
              "Lesson 06 needs it: clone percore onto ext4, xfs or btrfs. The others do not."};
    return {Health::warning, "O_DIRECT",
            fmt::format("cannot be tried in {}: {}", root.string(), std::strerror(error)),
            "Clone percore into a folder that you may write to."};
  }
  unlink(path.c_str());
  Finding out{Health::good, "O_DIRECT", "works here", ""};
#ifdef STATX_DIOALIGN
  struct statx status{};
  if (syscall(SYS_statx, file, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
      (status.stx_mask & STATX_DIOALIGN) != 0 && status.stx_dio_offset_align != 0)
    out.words = fmt::format("works here, aligned to {} bytes (memory {})",
                            status.stx_dio_offset_align, status.stx_dio_mem_align);
  else
    out.words = "works here; the kernel does not tell the alignment, 4096 bytes are assumed";
#endif
  close(file);
  return out;
}

// What the checks could put around a learner's program, tried in a child.
Finding look_at_sandbox(const fs::path& root) {
  const std::string folder = root.string();
  const pid_t child = fork();
  if (child < 0) give_up("no process can be started: {}", std::strerror(errno));
  if (child == 0) _exit(enter_sandbox(Limits{}, "", folder.c_str()));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const int shut = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  if (shut == (SHUT_FILES | SHUT_PROCESSES))
    return {Health::good, "sandbox", "programs in checks can start and write nothing outside", ""};
  return {
      Health::warning, "sandbox",
      (shut & SHUT_PROCESSES) == 0
          ? "no seccomp: a program in a check could start processes"
          : "no Landlock: a program in a check could write outside its own folder",
      "Linux 5.13 or newer has both, where the security modules (lsm=) name landlock; meanwhile "
      "check only code that you have read."};
}

Finding look_at_compiler(const fs::path& root) {
  if (!fs::exists(root / "build" / "tools" / "tutor" / "percore.conf"))
    return {Health::bad, "compiler", "the build is not set up", "Run tools/percore once."};
  const Config config = read_config(root / "build");
  // The launcher keeps what its probe found, a line a compiler: "ok|bad <command>: why".
  const auto probe = read_if_there(root / "build" / "compiler_probe.txt");
  std::string rejected;
  std::string chosen;
  for (const std::string& line : split_lines(probe.value_or(""))) {
    if (line.starts_with("bad ")) rejected += (rejected.empty() ? "" : "; ") + line.substr(4);
    if (line.starts_with("ok ")) chosen = line.substr(3);
  }
  std::string words = config.compiler + (chosen.empty() ? "" : ", passed the probe");
  if (!rejected.empty()) words += " (not taken: " + rejected + ")";
  if (config.probe_passed) return {Health::good, "compiler", words, ""};
  return {Health::warning, "compiler", config.compiler + " miscompiles coroutines: " + rejected,
          "Install clang-19 and run tools/percore again without CXX. `./tools/percore check` "
          "points at the "
          "patterns meanwhile."};
}

Finding look_at_sanitizers(const fs::path& root) {
  const Config config = read_config(root / "build");
  const fs::path folder = root / "build" / "check" / "probe";
  write_file(folder / "empty.cpp", "int main() {}\n");
  std::vector<std::string> words = {"/usr/bin/env"};  // looks the compiler up in PATH
  for (const std::string& word : split_words(config.compiler)) words.push_back(word);
  for (const char* word : {"-fsanitize=address,undefined", "empty.cpp", "-o", "empty"})
    words.emplace_back(word);
  Limits limits;
  limits.may_fork = true;
  const Supervised ran = supervise(words, folder, limits, false);
  if (ran.exit_status == 0 && ran.ending == Ending::exited)
    return {Health::good, "sanitizers", "AddressSanitizer and UndefinedBehaviorSanitizer link", ""};
  return {Health::warning, "sanitizers",
          "programs with sanitizers do not link, so the second verdict is missing",
          "Install the package libclang-rt-19-dev (Debian), compiler-rt (Fedora, Arch) or libasan "
          "of your g++."};
}

Finding look_at_tool(const char* what, std::initializer_list<const char*> names, const char* why,
                     const char* remedy) {
  for (const char* name : names)
    for (const std::string folder : {"/usr/bin/", "/usr/local/bin/"})
      if (access((folder + name).c_str(), X_OK) == 0)
        return {Health::good, what, folder + name, ""};
  return {Health::warning, what, why, remedy};
}

void show(const Finding& finding) {
  std::string mark;
  switch (finding.health) {
    case Health::good:
      mark = in_colour(Colour::green, "good   ");
      break;
    case Health::warning:
      mark = in_colour(Colour::yellow, "warning");
      break;
    case Health::bad:
      mark = in_colour(Colour::red, "bad    ");
      break;
  }
  const std::string indent(23, ' ');
  const unsigned columns = std::min(terminal_columns(), 110U);
  fmt::print("  {}  {:<11} {}\n", mark, finding.what,
             wrapped(finding.words, columns, indent, indent.size()));
  if (!finding.remedy.empty())
    fmt::print("{}{}\n", indent,
               wrapped("-> " + finding.remedy, columns, indent + "   ", indent.size()));
}

}  // namespace

int doctor_command(const fs::path& root) {
  bool bad = false, has_ring = true;
  const unsigned columns = std::min(terminal_columns(), 110U);
  // What cannot be looked at is told, and the rest is looked at all the same.
  const auto tell = [&bad](const char* what, const auto& look) {
    Finding finding;
    try {
      finding = look();
    } catch (const Problem& problem) {
      finding = {Health::warning, what, "could not be looked at: " + problem.sentence,
                 "Mend that, then ask again."};
    }
    bad = bad || finding.health == Health::bad;
    show(finding);
  };
  tell("kernel", look_at_kernel);
  tell("io_uring", [&] {
    Finding ring = look_at_ring();
    has_ring = ring.health != Health::bad;
    return ring;
  });
  tell("memlock", look_at_memlock);
  tell("CPUs", look_at_cpus);
  tell("O_DIRECT", [&] { return look_at_direct_io(root); });
  tell("sandbox", [&] { return look_at_sandbox(root); });
  tell("compiler", [&] { return look_at_compiler(root); });
  if (fs::exists(root / "build" / "tools" / "tutor" / "percore.conf"))
    tell("sanitizers", [&] { return look_at_sanitizers(root); });
  tell("linker", [] {
    return look_at_tool("linker", {"ld.lld", "ld.lld-19", "ld.mold"},
                        "neither lld nor mold: verdicts take longer",
                        "Install the package lld-19 (or lld).");
  });
  tell("symbolizer", [] {
    return look_at_tool("symbolizer", {"llvm-symbolizer-19", "llvm-symbolizer", "addr2line"},
                        "no llvm-symbolizer and no addr2line: a crash is told without its line",
                        "Install the package binutils.");
  });
  tell("editor", [] {
    return look_at_tool("editor", {"clangd-19", "clangd", "clangd-20"},
                        "no clangd: editors work, without completion",
                        "Install the package clangd-19; compile_commands.json is there for it.");
  });
  if (!has_ring)
    fmt::print(
        "\n{}\n\n{}\n",
        wrapped(
            "Without io_uring everything is there on the simulated ring: `run`, `trace`, `check`, "
            "`watch` and `grade` use it by themselves and say so, and every exercise can be "
            "solved. What it cannot show are times, counts of system calls made, real disks and "
            "networks, `bench`, and the few checks on the kernel's own ring, which are left out "
            "with a word.",
            columns),
        wrapped("To allow io_uring: as root `sysctl kernel.io_uring_disabled=0`; in Docker and "
                "Podman `--security-opt seccomp=PROFILE.json` with a profile that lets the three "
                "io_uring calls through (or `seccomp=unconfined`); in gVisor `runsc --iouring`; on "
                "a kernel older than 5.19 a newer one.",
                columns));
  else if (bad)
    fmt::print("\nThe lessons do not all run here until what is bad is mended.\n");
  else
    fmt::print("\nThe lessons run here.\n");
  return bad ? EXIT_ENVIRONMENT : EXIT_PASS;
}

}  // namespace percore::tutor
