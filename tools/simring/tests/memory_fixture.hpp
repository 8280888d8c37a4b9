#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <string>

#include "fixture.hpp"

namespace percore::sim::test {

inline Options in_memory(Options options = plain()) {
  options.files_in_memory = "/sim";
  return options;
}

/// A ring whose operations on files are waited for one by one; results as they are.
struct FileRing : OpenRing {
  int one(io_uring_sqe* sqe) {
    io_uring_sqe_set_data64(sqe, 7);
    return result_of(wait(1), 7);
  }
  int open_at(const std::string& path, int flags, int folder = AT_FDCWD) {
    io_uring_sqe* const sqe = entry(7);
    io_uring_prep_openat(sqe, folder, path.c_str(), flags, 0644);
    return one(sqe);
  }
  int shut(int fd) {
    io_uring_sqe* const sqe = entry(7);
    io_uring_prep_close(sqe, fd);
    return one(sqe);
  }
  int put(int fd, const std::string& text, std::uint64_t offset = 0, int rw_flags = 0) {
    io_uring_sqe* const sqe = write(7, fd, text.data(), static_cast<unsigned>(text.size()), offset);
    sqe->rw_flags = rw_flags;
    return one(sqe);
  }
  int sync(int fd, unsigned flags = 0) {
    io_uring_sqe* const sqe = entry(7);
    io_uring_prep_fsync(sqe, fd, flags);
    return one(sqe);
  }
  int sync_folder(const std::string& path) {
    const int fd = open_at(path, O_RDONLY | O_DIRECTORY);
    const int result = sync(fd);
    shut(fd);
    return result;
  }
  int move(const std::string& from, const std::string& to) {
    io_uring_sqe* const sqe = entry(7);
    io_uring_prep_renameat(sqe, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0);
    return one(sqe);
  }
  int remove(const std::string& path, int flags = 0) {
    io_uring_sqe* const sqe = entry(7);
    io_uring_prep_unlinkat(sqe, AT_FDCWD, path.c_str(), flags);
    return one(sqe);
  }
  int make_folder(const std::string& path) {
    io_uring_sqe* const sqe = entry(7);
    io_uring_prep_mkdirat(sqe, AT_FDCWD, path.c_str(), 0755);
    return one(sqe);
  }
  int cut(int fd, std::uint64_t size) {
    constexpr int ftruncate_opcode = 55;  // liburing 2.3 has no name for it
    io_uring_sqe* const sqe = entry(7);
    io_uring_prep_rw(ftruncate_opcode, sqe, fd, nullptr, 0, size);
    return one(sqe);
  }
  int reserve(int fd, std::uint64_t size) {
    io_uring_sqe* const sqe = entry(7);
    io_uring_prep_fallocate(sqe, fd, 0, 0, static_cast<off_t>(size));
    return one(sqe);
  }
};

}  // namespace percore::sim::test
