#pragma once

// What the simulation knows of each opcode, in one table. To add one: write its functions in the
// file of its family, declare them in the list below, and fill in its line in opcodes.cpp.
//
// The life of an operation, and the hook that each step calls:
//   submission   `prepare` copies what the program need not keep alive, and refuses what is wrong;
//                `draw` decides which faults will strike
//   start        `start`, once everything linked ahead of it has completed
//   work         `perform`, when the operation's delay has passed; a descriptor that is not ready
//                for `awaited_events` parks it, and it performs again when that has changed
//   completion   `breaks_link` decides what becomes of the operations linked behind it

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

struct io_uring_sqe;

namespace percore::sim {

struct Operation;

// What `perform` returns beside results, none of which are any errno.
inline constexpr int would_block = std::numeric_limits<int>::min();  // park until it is ready
inline constexpr int under_way = would_block + 1;  // the hook has seen to what happens next: it
                                                   // called fly, finish, or neither for ever

// Memory of the program that the kernel reads in the submit, not when the entry is filled in.
struct Argument {
  const char* what = nullptr;  // "iovec array"
  std::uint64_t address = 0;
  std::size_t size_bytes = 0;
};
inline constexpr std::size_t arguments_max = 3;

// Bytes move between a buffer and a descriptor, and the entry is one of the reads or the writes:
// ioprio is allowed, results may be short.
enum class Moves : std::uint8_t { nothing, in, out };

struct Opcode {
  const char* name = nullptr;  // the kernel's

  /// Returns 0, or the error with which the kernel refuses the entry. Null: not simulated.
  int (*prepare)(Operation& operation) = nullptr;
  /// Returns the result, would_block or under_way. Null only where `start` never leads there.
  int (*perform)(Operation& operation) = nullptr;
  /// Returns true when it has called fly: `perform` comes then, and no delay is drawn.
  bool (*start)(Operation& operation) = nullptr;
  /// Whether a result breaks a soft link. Null: a negative one does.
  bool (*breaks_link)(const Operation& operation, int result) = nullptr;
  /// What must be alive at the submit. Fills `out`, returns how many.
  std::size_t (*arguments)(const io_uring_sqe& sqe,
                           std::span<Argument, arguments_max> out) = nullptr;
  /// Draws the family's faults at submission, so that the order of completion moves no draw.
  void (*draw)(Operation& operation) = nullptr;
  /// The POLL... bits it waits for, 0 where it never waits. Null: it never waits.
  short (*awaited_events)(const Operation& operation) = nullptr;
  /// The descriptor it waits for, -1 where the world cannot be asked. Null: sqe.fd's.
  int (*awaited_descriptor)(const Operation& operation) = nullptr;
  /// Whether a parked operation has reason to perform again. Null: when its descriptor is ready.
  bool (*stirred)(Operation& operation) = nullptr;
  /// A result known before the work was done: cancelled, mostly. Returns as `perform` does.
  /// Null: it is the result.
  int (*cancelled)(Operation& operation, int result) = nullptr;

  Moves moves = Moves::nothing;
  bool uses_file = false;  // sqe.fd is a descriptor to act on: cancelling by descriptor finds it
  bool takes_priority = false;  // sqe.ioprio may be set
  bool takes_buffers = false;   // IOSQE_BUFFER_SELECT is allowed
};

// Numbers for which liburing 2.3 has no name.
enum : unsigned {
  op_read_multishot = 49,
  op_waitid = 50,
  op_fixed_fd_install = 54,
  op_ftruncate = 55,
};

// Those above opcodes_max, which no kernel of ours has, share an empty line.
inline constexpr unsigned opcodes_max = 64;
const Opcode& opcode_of(unsigned number) noexcept;

// nop.cpp
int prepare_nop(Operation& operation);
int perform_nop(Operation& operation);

// timeouts.cpp
int prepare_timeout(Operation& operation);
int perform_timeout(Operation& operation);
bool start_timeout(Operation& operation);
bool timeout_breaks_link(const Operation& operation, int result);
std::size_t timeout_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out);
int perform_link_timeout(Operation& operation);
int prepare_timeout_remove(Operation& operation);
bool start_timeout_remove(Operation& operation);

// ring_messages.cpp
int prepare_ring_message(Operation& operation);
int perform_ring_message(Operation& operation);

// cancel.cpp
int prepare_cancel(Operation& operation);
bool start_cancel(Operation& operation);

// transfers.cpp
int prepare_transfer(Operation& operation);
int prepare_vectored(Operation& operation);
int prepare_fixed(Operation& operation);
int check_registered_range(Operation& operation);
int perform_transfer(Operation& operation);
bool transfer_breaks_link(const Operation& operation, int result);
void draw_transfer_faults(Operation& operation);
short transfer_events(const Operation& operation);
std::size_t transfer_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out);
std::size_t vectored_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out);

/// The kernel's most surprising rule: of many opcodes on files it does not take a negative result
/// for a failure, and starts what is linked behind. A descriptor that is none is one.
bool never_breaks_link(const Operation& operation, int result);

// file_open.cpp
int prepare_open(Operation& operation);
int prepare_open2(Operation& operation);
int perform_open(Operation& operation);
void draw_open_faults(Operation& operation);
std::size_t open2_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out);
int prepare_close(Operation& operation);
int perform_close(Operation& operation);
int prepare_statx(Operation& operation);
int perform_statx(Operation& operation);
int prepare_files_update(Operation& operation);
int perform_files_update(Operation& operation);

// file_paths.cpp
std::size_t path_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out);
std::size_t two_paths_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out);
int prepare_rename(Operation& operation);
int perform_rename(Operation& operation);
int prepare_unlink(Operation& operation);
int perform_unlink(Operation& operation);
int prepare_mkdir(Operation& operation);
int perform_mkdir(Operation& operation);
int prepare_symlink(Operation& operation);
int perform_symlink(Operation& operation);
int prepare_link(Operation& operation);
int perform_link(Operation& operation);

// file_sync.cpp: also never_breaks_link
int prepare_fsync(Operation& operation);
int perform_fsync(Operation& operation);
void draw_sync_faults(Operation& operation);
int prepare_sync_file_range(Operation& operation);
int perform_sync_file_range(Operation& operation);
int prepare_fallocate(Operation& operation);
int perform_fallocate(Operation& operation);
void draw_space_faults(Operation& operation);
int prepare_ftruncate(Operation& operation);
int perform_ftruncate(Operation& operation);
int prepare_advice(Operation& operation);
int perform_fadvise(Operation& operation);
int perform_madvise(Operation& operation);

// sockets.cpp
int prepare_socket(Operation& operation);
int perform_socket(Operation& operation);
int prepare_accept(Operation& operation);
int perform_accept(Operation& operation);
short accept_events(const Operation& operation);
int prepare_connect(Operation& operation);
int perform_connect(Operation& operation);
short connect_events(const Operation& operation);
std::size_t connect_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out);
int prepare_shutdown(Operation& operation);
int perform_shutdown(Operation& operation);

// messages.cpp
int prepare_send(Operation& operation);
int perform_send(Operation& operation);
short send_events(const Operation& operation);
int prepare_zero_copy(Operation& operation);
int perform_zero_copy(Operation& operation);
int prepare_receive(Operation& operation);
int perform_receive(Operation& operation);
short receive_events(const Operation& operation);
int cancelled_message(Operation& operation, int result);
bool message_breaks_link(const Operation& operation, int result);
std::size_t message_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out);
std::size_t header_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out);

// socket_faults.cpp
void draw_socket_faults(Operation& operation);
void draw_zero_copy_faults(Operation& operation);
void draw_multishot_end(Operation& operation);

// poll.cpp
int prepare_poll(Operation& operation);
int perform_poll(Operation& operation);
short poll_events(const Operation& operation);
int poll_descriptor(const Operation& operation);
bool poll_stirred(Operation& operation);
int prepare_poll_remove(Operation& operation);
bool start_poll_remove(Operation& operation);
int prepare_epoll_ctl(Operation& operation);
int perform_epoll_ctl(Operation& operation);

// buffer_ring.cpp
int prepare_provide_buffers(Operation& operation);
int perform_provide_buffers(Operation& operation);
int prepare_remove_buffers(Operation& operation);
int perform_remove_buffers(Operation& operation);

// processes.cpp
int prepare_waitid(Operation& operation);
int perform_waitid(Operation& operation);
short waitid_events(const Operation& operation);
int waitid_descriptor(const Operation& operation);
bool waitid_stirred(Operation& operation);

}  // namespace percore::sim
