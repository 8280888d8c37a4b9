// file_rand and file_write on libuv: uv_fs_read and uv_fs_write, which hand each to a thread of its
// pool.
#include <uv.h>

#include <file_work.hpp>

#include <array>
#include <cstdlib>

namespace {

// As many operations in flight as there are slots; each has a block of its own. `next` gives the
// offset of the next operation, or nothing.
class InFlight {
 public:
  enum class What { reads, writes };

  template <typename Next>
  static void run(const std::string& path, uv_file fd, What what, unsigned depth, Next next) {
    InFlight self(path, fd, what, depth, next);
    for (unsigned slot = 0; slot < depth; ++slot) self.begin(self.slots_[slot]);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  }

 private:
  struct Slot {
    InFlight* all;
    uv_buf_t block;
    uv_fs_t request;
  };

  template <typename Next>
  InFlight(const std::string& path, uv_file fd, What what, unsigned depth, Next& next)
      : path_(path),
        fd_(fd),
        what_(what),
        next_(&next),
        ask_([](void* given, std::int64_t& offset) {
          return (*static_cast<Next*>(given))(offset);
        }) {
    memory_ = static_cast<char*>(std::aligned_alloc(4096, depth * bench::block_bytes));
    std::memset(memory_, 1, depth * bench::block_bytes);
    for (unsigned i = 0; i < depth; ++i)
      slots_[i] = {.all = this,
                   .block = uv_buf_init(memory_ + i * bench::block_bytes, bench::block_bytes),
                   .request = {}};
  }
  ~InFlight() { std::free(memory_); }

  void begin(Slot& slot) {
    std::int64_t offset = 0;
    if (!ask_(next_, offset)) return;
    slot.request.data = &slot;
    const auto start = what_ == What::reads ? uv_fs_read : uv_fs_write;
    start(uv_default_loop(), &slot.request, fd_, &slot.block, 1, offset, &InFlight::ended);
  }
  static void ended(uv_fs_t* request) {
    auto& slot = *static_cast<Slot*>(request->data);
    if (request->result != static_cast<ssize_t>(bench::block_bytes))
      bench::file_failed(slot.all->path_, "an operation failed",
                         request->result < 0 ? static_cast<int>(-request->result) : EIO);
    uv_fs_req_cleanup(request);
    slot.all->begin(slot);
  }

  const std::string& path_;
  uv_file fd_;
  What what_;
  void* next_;
  bool (*ask_)(void*, std::int64_t&);
  char* memory_;
  std::array<Slot, bench::depth_max> slots_;
};

double random_reads(const std::string& path, unsigned depth) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
  if (fd < 0) bench::file_failed(path, "it cannot be opened", errno);
  bench::Offsets offsets;
  bench::Reads reads;
  InFlight::run(path, fd, InFlight::What::reads, depth, [&](std::int64_t& offset) {
    offset = static_cast<std::int64_t>(offsets.next());
    return reads.more();
  });
  const double us_each = reads.us_each();
  close(fd);
  return us_each;
}

double sequential_writes(const std::string& path, unsigned depth, bench::WriteForm form) {
  const std::int64_t begin = bench::now_ns();
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_DIRECT | O_CLOEXEC, 0644);
  if (fd < 0) bench::file_failed(path, "it cannot be made", errno);
  if (form.preallocates && fallocate(fd, 0, 0, bench::writes * bench::block_bytes) != 0)
    bench::file_failed(path, "it cannot be preallocated", errno);
  std::size_t next = 0;
  InFlight::run(path, fd, InFlight::What::writes, depth, [&](std::int64_t& offset) {
    if (next == bench::writes) return false;
    offset = static_cast<std::int64_t>(bench::block_bytes * next++);
    return true;
  });
  if (fdatasync(fd) != 0) bench::file_failed(path, "it cannot be synced", errno);
  const std::int64_t end = bench::now_ns();
  close(fd);
  return static_cast<double>(end - begin) / 1000 / bench::writes;
}

}  // namespace

int main(int argument_count, char** arguments) {
  // As many as are in flight, where it has four.
  setenv("UV_THREADPOOL_SIZE", "32", 0);
  return bench::file_main(argument_count, arguments, random_reads, sequential_writes);
}
