// The record on its way to a file, for whoever draws it: PERCORE_SIM_RECORD names the file.
//
// One JSON object a line. A run begins with
//     {"record":1,"run":1,"seed":7}
// where "record" is the version of this format; after it come the events in their order,
//     {"time":400,"kind":"enter","executor":0,"ring":1,"result":1,"length":10}
// with the time in nanoseconds since the run began. Fields that are 0 are left out (but for time
// and kind), and so are addresses: equal runs write equal files. A name (user_data) is written when
// it is a small number. A reader must pass over kinds and fields that it does not know.
//
// The file is mapped memory: it needs no descriptor that a program could close or meet, costs no
// system call that a check would count, and keeps what happened before a crash or a kill. Until the
// program ends in order, zeros follow the last line.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "state.hpp"

namespace percore::sim {

namespace {

constexpr std::size_t file_bytes = 32u << 20;
constexpr std::size_t reserved_bytes = 64;     // for the line that says that the file is full
constexpr std::uint64_t names_max = 1u << 20;  // beyond, a name is most likely an address

struct RecordFile {
  const char* path = nullptr;
  char* memory = nullptr;
  std::size_t used = 0;
  unsigned runs = 0;
  pid_t process = 0;  // a child that was forked off must not write between our lines
  bool full = false;
};

RecordFile& file() noexcept {
  static RecordFile only;
  return only;
}

void cut_to_size() {
  const RecordFile& now = file();
  if (now.memory == nullptr || now.process != getpid()) return;
  // A failure leaves zeros behind the last line, which readers pass over.
  if (truncate(now.path, static_cast<off_t>(now.used)) != 0) return;
}

bool map_file(RecordFile& now) {
  now.process = getpid();
  const int descriptor = open(now.path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return false;
  // Room is taken now: a disk that fills up later would be a SIGBUS in the middle of the program.
  bool good = fallocate(descriptor, 0, 0, static_cast<off_t>(file_bytes)) == 0;
  if (!good && errno == EOPNOTSUPP)
    good = ftruncate(descriptor, static_cast<off_t>(file_bytes)) == 0;
  void* const memory =
      good ? mmap(nullptr, file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
           : MAP_FAILED;
  const int error = errno;
  close(descriptor);
  errno = error;
  if (memory == MAP_FAILED) return false;
  now.memory = static_cast<char*>(memory);
  std::atexit(cut_to_size);
  return true;
}

// One line, built up in place and dropped whole when there is no room for it.
class Line {
 public:
  Line() : at_(file().memory + file().used), end_(file().memory + file_bytes - reserved_bytes) {
    put("{");
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() {
    RecordFile& now = file();
    put("}\n");
    if (fits_) {
      now.used = static_cast<std::size_t>(at_ - now.memory);
      return;
    }
    constexpr char words[] = "{\"time\":0,\"kind\":\"record_full\"}\n";
    static_assert(sizeof words <= reserved_bytes);
    char* const line = now.memory + now.used;
    std::memset(line, 0, static_cast<std::size_t>(end_ - line));
    std::memcpy(line, words, sizeof words - 1);
    now.used += sizeof words - 1;
    now.full = true;
  }

  Line& number(const char* key, std::int64_t value, bool always = false) {
    if (value == 0 && !always) return *this;
    char text[32];
    const int size = std::snprintf(text, sizeof text, "%lld", static_cast<long long>(value));
    this->key(key);
    put(std::string_view(text, static_cast<std::size_t>(size)));
    return *this;
  }

  Line& text(const char* key, std::string_view value) {
    this->key(key);
    put("\"");
    for (const char c : value) {
      if (c == '"' || c == '\\') put("\\");
      put(static_cast<unsigned char>(c) < 0x20 ? std::string_view(" ") : std::string_view(&c, 1));
    }
    put("\"");
    return *this;
  }

 private:
  void key(const char* name) {
    if (!first_) put(",");
    first_ = false;
    put("\"");
    put(name);
    put("\":");
  }
  void put(std::string_view piece) {
    fits_ = fits_ && piece.size() < static_cast<std::size_t>(end_ - at_);
    if (!fits_) return;
    std::memcpy(at_, piece.data(), piece.size());
    at_ += piece.size();
  }

  char* at_;
  char* end_;
  bool fits_ = true;
  bool first_ = true;
};

bool writable() noexcept {
  const RecordFile& now = file();
  return now.memory != nullptr && !now.full && now.process == getpid();
}

const char* mark_name(int what) noexcept {
  return what == 0 ? "begin" : what == 1 ? "end" : "note";
}

}  // namespace

void open_record_file() {
  RecordFile& now = file();
  now.path = std::getenv("PERCORE_SIM_RECORD");
  if (now.path == nullptr || *now.path == '\0') return;
  if (!map_file(now))
    std::fprintf(stderr,
                 "simulated ring: the record cannot be written to %s (%s); name another file in "
                 "PERCORE_SIM_RECORD\n",
                 now.path, std::strerror(errno));
}

void record_run(const Session& begun) {
  if (!writable()) return;
  Line line;
  line.number("record", 1).number("run", ++file().runs);
  line.number("seed", static_cast<std::int64_t>(begun.options.seed), true);
}

void record_event(const Event& event) {
  if (!writable()) return;
  const Session& now = session();
  Line line;
  line.number("time", event.time_nanoseconds - run_begins_nanoseconds, true);
  line.text("kind", kind_name(event.kind));
  line.number("executor", event.executor).number("ring", event.ring);
  line.number("operation", static_cast<std::int64_t>(event.operation));
  switch (event.kind) {
    case Event::Kind::submitted:
      line.text("opcode", opcode_name(event.opcode)).number("fd", event.fd, true);
      line.number("length", event.length).number("offset", static_cast<std::int64_t>(event.offset));
      if (event.user_data < names_max)
        line.number("name", static_cast<std::int64_t>(event.user_data), true);
      break;
    case Event::Kind::violation:
      line.text("rule", rule_name(static_cast<Rule>(event.result)));
      line.text("sentence", now.last.sentence);
      break;
    case Event::Kind::mark:
      line.text("what", mark_name(event.result)).text("lane", word(event.length));
      if (event.offset != 0) line.text("text", word(event.offset));
      break;
    case Event::Kind::blocked:
      line.text("text", place_name(static_cast<unsigned>(event.result)));
      break;
    default:
      line.number("result", event.result).number("length", event.length);
      line.number("offset", static_cast<std::int64_t>(event.offset));
      if (event.fd >= 0) line.number("fd", event.fd, true);
      break;
  }
}

}  // namespace percore::sim
