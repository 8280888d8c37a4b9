// A script on files: chains of operations on a folder, one chain at a time, so that what each finds
// is what those before it left. Descriptors' numbers are not printed, they may differ.

#include <fcntl.h>
#include <liburing.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "fidelity_script.hpp"

namespace {

constexpr unsigned slots_count = 4, buffer_bytes = 16 * 1024;
constexpr unsigned op_ftruncate = 55;  // liburing 2.3 has no name for it

struct Random {
  std::uint64_t state;
  unsigned below(unsigned bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<unsigned>((state >> 33) % bound);
  }
  bool one_in(unsigned bound) { return below(bound) == 0; }
  template <typename Value, std::size_t size>
  Value among(const Value (&values)[size]) {
    return values[below(size)];
  }
};

enum class Kind {
  open,
  open2,
  close,
  read,
  write,
  readv,
  writev,
  read_fixed,
  write_fixed,
  fsync,
  sync_file_range,
  fallocate,
  ftruncate,
  statx,
  rename,
  unlink,
  mkdir,
  symlink,
  link,
  fadvise,
  files_update,
  count
};
constexpr const char* kind_names[] = {
    "open",      "open2",      "close",       "read",   "write",           "readv",
    "writev",    "read_fixed", "write_fixed", "fsync",  "sync_file_range", "fallocate",
    "ftruncate", "statx",      "rename",      "unlink", "mkdir",           "symlink",
    "link",      "fadvise",    "files_update"};

struct Operation {
  Kind kind = Kind::open;
  bool direct = false;  // of an open: into a slot
  int result = 0;
  bool done = false;
  std::string first, second;
  unsigned char* buffer = nullptr;
  iovec parts[3] = {};
  open_how how{};
  struct statx found{};
  int files[2] = {};
  std::string words;  // what the line says of the arguments
};

class FileScript {
 public:
  FileScript(std::uint64_t seed, std::string root)
      : random_{seed * 2654435761u + 77}, root_(std::move(root)) {
    const unsigned flags =
        random_.one_in(2) ? 0 : IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    if (io_uring_queue_init(16, &ring_, flags) != 0) std::abort();
    memory_ = static_cast<unsigned char*>(std::aligned_alloc(4096, 8 * buffer_bytes));
    std::memset(memory_, 'm', 8 * buffer_bytes);
    const iovec buffer{memory_, 4 * buffer_bytes};
    registered_ = !random_.one_in(8);
    if (registered_) {
      if (io_uring_register_files_sparse(&ring_, slots_count) != 0) std::abort();
      if (io_uring_register_buffers(&ring_, &buffer, 1) != 0) std::abort();
    }
  }
  ~FileScript() {
    io_uring_queue_exit(&ring_);
    std::free(memory_);
  }
  FileScript(const FileScript&) = delete;
  FileScript& operator=(const FileScript&) = delete;

  void run() {
    open_root();
    const unsigned chains = 12 + random_.below(30);
    for (unsigned chain = 0; chain != chains; ++chain) run_chain();
    for (const char* name : names_) describe(name);
    for (const int fd : files_) close_now(fd);
    close_now(root_fd_);
  }

 private:
  void open_root() {
    Operation& open = fresh(Kind::open);
    open.first = root_;
    io_uring_prep_openat(entry(), AT_FDCWD, open.first.c_str(), O_RDONLY | O_DIRECTORY, 0);
    finish_chain();
    root_fd_ = open.result;
    if (root_fd_ < 0) std::printf("! the folder gave %d\n", root_fd_);
    chain_.clear();
  }

  void describe(const char* name) {
    Operation& statx = fresh(Kind::statx);
    statx.first = name;
    io_uring_prep_statx(entry(), root_fd_, statx.first.c_str(), AT_SYMLINK_NOFOLLOW,
                        STATX_BASIC_STATS, &statx.found);
    finish_chain();
    print();
  }

  void close_now(int fd) {
    fresh(Kind::close);
    io_uring_prep_close(entry(), fd);
    finish_chain();
    chain_.clear();
  }

  void run_chain() {
    const unsigned length = random_.one_in(3) ? 2 + random_.below(3) : 1;
    const unsigned char link = random_.one_in(3) ? IOSQE_IO_HARDLINK : IOSQE_IO_LINK;
    alone_ = length == 1;
    for (unsigned place = 0; place != length; ++place) {
      io_uring_sqe* const sqe = prepare(fresh(any_kind()));
      if (place + 1 != length) sqe->flags |= link;
    }
    finish_chain();
    print();
  }

  // No buffers that are not registered: kernels differ in whether they see that at the submit,
  // which ends the chain, or when they start the work.
  Kind any_kind() {
    const Kind kind = any_kind_at_all();
    const bool fixed = kind == Kind::read_fixed || kind == Kind::write_fixed;
    return fixed && !registered_ ? Kind::read : kind;
  }
  Kind any_kind_at_all() {
    constexpr Kind often[] = {Kind::open, Kind::open,  Kind::open,  Kind::write, Kind::writev,
                              Kind::read, Kind::close, Kind::statx, Kind::mkdir};
    if (random_.one_in(2)) return random_.among(often);
    return static_cast<Kind>(random_.below(static_cast<unsigned>(Kind::count)));
  }

  Operation& fresh(Kind kind) {
    chain_.push_back(std::make_unique<Operation>());
    Operation& made = *chain_.back();
    made.kind = kind;
    made.buffer = memory_ + (chain_.size() - 1) % 4 * buffer_bytes;
    return made;
  }
  io_uring_sqe* entry() {
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
    if (sqe == nullptr) std::abort();
    return sqe;
  }

  std::string any_name() {
    if (random_.one_in(40)) return std::string(300, 'n');
    std::string name = random_.among(names_);
    return random_.one_in(3) ? root_ + "/" + name : name;
  }
  int folder(const std::string& name) {
    if (name.starts_with('/')) return AT_FDCWD;
    return random_.one_in(25) ? -1 : root_fd_;
  }
  int any_file() {
    if (files_.empty() || random_.one_in(20)) return random_.one_in(2) ? 900 : root_fd_;
    return files_[random_.below(static_cast<unsigned>(files_.size()))];
  }
  std::uint64_t any_offset() {
    constexpr unsigned edges[] = {0, 0, 1, 511, 512, 4095, 4096, 8192, 12345};
    if (random_.one_in(8)) return static_cast<std::uint64_t>(-1);
    return random_.one_in(2) ? random_.among(edges) : random_.below(20000);
  }
  unsigned any_length() {
    constexpr unsigned edges[] = {0, 1, 512, 513, 4096, 8192};
    return random_.one_in(2) ? random_.among(edges) : random_.below(9000);
  }

  // Onto an open file, by its descriptor or by its slot.
  void aim(io_uring_sqe* sqe) {
    if (!random_.one_in(3)) return;
    sqe->fd = static_cast<int>(random_.below(slots_count + 1));
    sqe->flags |= IOSQE_FIXED_FILE;
  }

  io_uring_sqe* prepare(Operation& operation) {
    io_uring_sqe* const sqe = entry();
    io_uring_prep_nop(sqe);
    if (operation.kind <= Kind::close) {
      prepare_open_or_close(operation, sqe);
    } else if (operation.kind <= Kind::write_fixed) {
      prepare_transfer(operation, sqe);
    } else if (operation.kind <= Kind::ftruncate || operation.kind == Kind::fadvise) {
      prepare_on_file(operation, sqe);
    } else if (operation.kind == Kind::files_update) {
      operation.files[0] = random_.one_in(4) ? -1 : any_file();
      operation.files[1] = random_.one_in(2) ? IORING_REGISTER_FILES_SKIP : any_file();
      const bool allocates = random_.one_in(4);
      io_uring_prep_files_update(sqe, operation.files, 2,
                                 allocates ? static_cast<int>(IORING_FILE_INDEX_ALLOC)
                                           : static_cast<int>(random_.below(slots_count)));
      if (allocates) sqe->off = IORING_FILE_INDEX_ALLOC;
    } else {
      prepare_on_names(operation, sqe);
    }
    if (alone_ && random_.one_in(60) && operation.kind != Kind::read_fixed &&
        operation.kind != Kind::write_fixed)
      sqe->buf_index = 7;
    if (random_.one_in(60) && operation.kind > Kind::write_fixed) sqe->flags |= IOSQE_FIXED_FILE;
    if (random_.one_in(100)) sqe->ioprio = 1;
    return sqe;
  }

  void prepare_open_or_close(Operation& operation, io_uring_sqe* sqe) {
    if (operation.kind == Kind::close) return prepare_close(operation, sqe);
    constexpr int accesses[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR};
    // No O_DIRECT: file systems differ in which misaligned reads they let pass.
    constexpr int extras[] = {O_EXCL,     O_TRUNC,   O_APPEND, O_DIRECTORY, O_SYNC,
                              O_NOFOLLOW, O_CLOEXEC, O_DSYNC,  O_SYNC,      O_NONBLOCK};
    int flags = random_.among(accesses);
    if (!random_.one_in(4)) flags |= O_CREAT;
    for (unsigned count = random_.below(3); count != 0; --count) flags |= random_.among(extras);
    if ((flags & O_DIRECTORY) != 0) flags &= ~O_CREAT;  // kernels differ
    const mode_t mode = (flags & O_CREAT) != 0 ? (random_.one_in(2) ? 0644 : 0600) : 0;
    operation.first = any_name();
    const int at = folder(operation.first);
    if (operation.kind == Kind::open) {
      io_uring_prep_openat(sqe, at, operation.first.c_str(), flags, mode);
    } else {
      constexpr std::uint64_t ways[] = {0, 0, 0, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH, 1u << 20};
      operation.how = {.flags = static_cast<std::uint64_t>(flags), .mode = mode, .resolve = 0};
      operation.how.resolve = random_.among(ways);
      if (random_.one_in(20)) operation.how.mode = 0777777;
      io_uring_prep_openat2(sqe, at, operation.first.c_str(), &operation.how);
      if (random_.one_in(20)) sqe->len = 8;
    }
    operation.direct = random_.one_in(3);
    if (operation.direct) {
      const unsigned slot = random_.below(slots_count + 2);
      sqe->file_index = slot > slots_count ? IORING_FILE_INDEX_ALLOC : slot + 1;
    }
    operation.words = operation.first.size() > 100 ? "long" : name_of(operation.first);
    operation.words += " flags " + std::to_string(flags);
  }

  // Without the folder, which is another one here and there.
  std::string name_of(const std::string& path) const {
    if (!path.starts_with(root_)) return path;
    std::string name = "~";
    name.append(path, root_.size());
    return name;
  }

  void prepare_close(Operation& operation, io_uring_sqe* sqe) {
    if (random_.one_in(3)) {
      io_uring_prep_close(sqe, random_.one_in(10) ? 3 : 0);
      sqe->file_index = 1 + random_.below(slots_count + 1);
      operation.words = "slot";
    } else if (files_.empty()) {
      io_uring_prep_close(sqe, 900);
    } else {
      const auto which = random_.below(static_cast<unsigned>(files_.size()));
      io_uring_prep_close(sqe, files_[which]);
      files_.erase(files_.begin() + which);
    }
  }

  void prepare_transfer(Operation& operation, io_uring_sqe* sqe) {
    const unsigned length = any_length();
    const std::uint64_t offset = any_offset();
    const unsigned aside = random_.one_in(3) ? random_.below(600) : 0;  // a misaligned buffer
    unsigned char* const buffer = operation.buffer + aside;
    const bool writes = operation.kind == Kind::write || operation.kind == Kind::writev ||
                        operation.kind == Kind::write_fixed;
    std::memset(operation.buffer, writes ? 'a' + static_cast<int>(random_.below(26)) : '.',
                buffer_bytes);
    const unsigned part = random_.below(length + 1);
    operation.parts[0] = {buffer, part};
    operation.parts[1] = {buffer + part, length - part};
    const unsigned parts = 1 + random_.below(2);
    const int file = any_file();
    switch (operation.kind) {
      case Kind::read:
        io_uring_prep_read(sqe, file, buffer, length, offset);
        break;
      case Kind::write:
        io_uring_prep_write(sqe, file, buffer, length, offset);
        break;
      case Kind::readv:
        io_uring_prep_readv(sqe, file, operation.parts, parts, offset);
        break;
      case Kind::writev:
        io_uring_prep_writev(sqe, file, operation.parts, parts, offset);
        break;
      case Kind::read_fixed:
        io_uring_prep_read_fixed(sqe, file, buffer, length, offset, 0);
        break;
      default:
        io_uring_prep_write_fixed(sqe, file, buffer, length, offset, 0);
        break;
    }
    constexpr int flags[] = {RWF_APPEND, RWF_DSYNC, RWF_SYNC};
    if (writes && random_.one_in(8)) sqe->rw_flags = random_.among(flags);
    aim(sqe);
    operation.words =
        std::to_string(length) + " at " + std::to_string(static_cast<std::int64_t>(offset));
  }

  void prepare_on_file(Operation& operation, io_uring_sqe* sqe) {
    const int file = any_file();
    const std::uint64_t offset = any_offset();
    const unsigned length = any_length();
    if (operation.kind == Kind::fsync) {
      io_uring_prep_fsync(sqe, file, random_.below(3));
    } else if (operation.kind == Kind::sync_file_range) {
      io_uring_prep_sync_file_range(sqe, file, length, offset, static_cast<int>(random_.below(9)));
    } else if (operation.kind == Kind::fallocate) {
      constexpr int modes[] = {0,
                               FALLOC_FL_KEEP_SIZE,
                               FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                               FALLOC_FL_ZERO_RANGE,
                               FALLOC_FL_PUNCH_HOLE,
                               1 << 20};
      const int mode = random_.among(modes);
      io_uring_prep_fallocate(sqe, file, mode, static_cast<off_t>(offset), length);
      operation.words = "mode " + std::to_string(mode) + " ";
    } else if (operation.kind == Kind::fadvise) {
      io_uring_prep_fadvise(sqe, file, offset, static_cast<off_t>(length),
                            static_cast<int>(random_.below(8)));
    } else {
      io_uring_prep_rw(op_ftruncate, sqe, file, nullptr, 0, offset);
      if (random_.one_in(20)) sqe->off = 1ull << 62;
    }
    aim(sqe);
    operation.words +=
        std::to_string(length) + " at " + std::to_string(static_cast<std::int64_t>(offset));
  }

  void prepare_on_names(Operation& operation, io_uring_sqe* sqe) {
    operation.first = any_name();
    operation.second = any_name();
    const int from = folder(operation.first), to = folder(operation.second);
    const char* const first = operation.first.c_str();
    const char* const second = operation.second.c_str();
    switch (operation.kind) {
      case Kind::statx: {
        constexpr int flags[] = {0, AT_SYMLINK_NOFOLLOW, AT_STATX_DONT_SYNC, 1 << 20};
        const bool of_file = random_.one_in(4);
        if (of_file) operation.first.clear();
        io_uring_prep_statx(sqe, of_file ? any_file() : from, operation.first.c_str(),
                            of_file && !random_.one_in(4) ? AT_EMPTY_PATH : random_.among(flags),
                            STATX_BASIC_STATS, &operation.found);
        break;
      }
      case Kind::rename: {
        constexpr unsigned flags[] = {0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE, 3, 1u << 10};
        io_uring_prep_renameat(sqe, from, first, to, second, random_.among(flags));
        break;
      }
      case Kind::unlink: {
        constexpr int flags[] = {0, 0, AT_REMOVEDIR, 1 << 20};
        io_uring_prep_unlinkat(sqe, from, first, random_.among(flags));
        break;
      }
      case Kind::mkdir:
        io_uring_prep_mkdirat(sqe, from, first, 0755);
        break;
      case Kind::symlink:
        operation.first = random_.among(names_);
        io_uring_prep_symlinkat(sqe, operation.first.c_str(), to, second);
        break;
      default: {
        constexpr int flags[] = {0, 0, AT_SYMLINK_FOLLOW, 1 << 20};
        io_uring_prep_linkat(sqe, from, first, to, second, random_.among(flags));
        break;
      }
    }
    operation.words = operation.first.size() > 100 ? "long" : name_of(operation.first);
    if (operation.kind != Kind::statx && operation.kind != Kind::unlink &&
        operation.kind != Kind::mkdir)
      operation.words +=
          " to " + (operation.second.size() > 100 ? "long" : name_of(operation.second));
  }

  void finish_chain() {
    const auto count = static_cast<unsigned>(chain_.size());
    for (unsigned index = 0; index != count; ++index) {
      io_uring_sqe* const sqe =
          &ring_.sq.sqes[(ring_.sq.sqe_tail - count + index) & (ring_.sq.ring_mask)];
      io_uring_sqe_set_data64(sqe, index + 1);
    }
    while (io_uring_sq_ready(&ring_) != 0) {
      const int result = io_uring_submit(&ring_);
      if (result <= 0 && result != -EINTR) std::printf("! submit gave %d\n", result);
      if (result <= 0) break;
    }
    for (unsigned left = count; left != 0; --left) {
      io_uring_cqe* cqe = nullptr;
      int result = io_uring_wait_cqe(&ring_, &cqe);
      while (result == -EINTR) result = io_uring_wait_cqe(&ring_, &cqe);
      if (result != 0 || cqe->user_data == 0 || cqe->user_data > count) {
        std::printf("! wait gave %d\n", result);
        std::exit(1);
      }
      Operation& operation = *chain_[cqe->user_data - 1];
      if (operation.done) std::printf("! completed twice\n");
      operation.done = true;
      operation.result = cqe->res;
      io_uring_cqe_seen(&ring_, cqe);
    }
  }

  void print() {
    for (const auto& pointer : chain_) {
      const Operation& operation = *pointer;
      const bool opened = operation.kind <= Kind::open2 && operation.result >= 0;
      if (opened && !operation.direct) files_.push_back(operation.result);
      std::printf("%s %s: %d", kind_names[static_cast<unsigned>(operation.kind)],
                  operation.words.c_str(), opened && !operation.direct ? 0 : operation.result);
      if (operation.kind == Kind::statx && operation.result == 0) print_statx(operation.found);
      const bool read = operation.kind == Kind::read || operation.kind == Kind::readv ||
                        operation.kind == Kind::read_fixed;
      if (read && operation.result >= 0) std::printf(" content %08x", content(operation.buffer));
      std::printf("\n");
    }
    chain_.clear();
  }

  static void print_statx(const struct statx& found) {
    std::printf(" mode %o links %u", found.stx_mode, S_ISDIR(found.stx_mode) ? 0 : found.stx_nlink);
    if (!S_ISDIR(found.stx_mode))
      std::printf(" size %llu", static_cast<unsigned long long>(found.stx_size));
  }
  static unsigned content(const unsigned char* buffer) {
    unsigned hash = 2166136261u;
    for (unsigned index = 0; index != buffer_bytes; ++index)
      hash = (hash ^ buffer[index]) * 16777619u;
    return hash;
  }

  static constexpr const char* names_[] = {"a",  "b",   "c",    "d",     "d/a", "d/b",
                                           "e",  "e/d", "d/s",  "a/b",   "s",   "a/",
                                           "d/", ".",   "d/..", "d/./a", "s/a", "../outside/x"};

  Random random_;
  std::string root_;
  io_uring ring_{};
  bool registered_ = false, alone_ = true;
  int root_fd_ = -1;
  unsigned char* memory_ = nullptr;
  std::vector<int> files_;
  std::vector<std::unique_ptr<Operation>> chain_;
};

}  // namespace

void run_fidelity_file_script(std::uint64_t seed, const std::string& folder) {
  FileScript(seed, folder).run();
}
