// The table of opcodes.hpp: a line for each opcode, in the order of their numbers. A line with a
// name alone is one that is not simulated: it completes with EINVAL, as on a kernel without it.

#include "opcodes.hpp"

#include <liburing.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "state.hpp"

namespace percore::sim {

namespace {

constexpr Opcode transfer(const char* name, Moves moves, int (*prepare)(Operation&),
                          decltype(Opcode::arguments) arguments) {
  return {.name = name,
          .prepare = prepare,
          .perform = perform_transfer,
          .breaks_link = transfer_breaks_link,
          .arguments = arguments,
          .draw = draw_transfer_faults,
          .awaited_events = transfer_events,
          .moves = moves,
          .uses_file = true,
          .takes_priority = true};
}

constexpr Opcode selecting(Opcode opcode) {
  opcode.takes_buffers = true;
  return opcode;
}

constexpr Opcode sender(const char* name, decltype(Opcode::arguments) arguments) {
  return {.name = name,
          .prepare = prepare_send,
          .perform = perform_send,
          .breaks_link = message_breaks_link,
          .arguments = arguments,
          .draw = draw_socket_faults,
          .awaited_events = send_events,
          .cancelled = cancelled_message,
          .uses_file = true,
          .takes_priority = true};
}

constexpr Opcode zero_copy_sender(const char* name, decltype(Opcode::arguments) arguments) {
  Opcode opcode = sender(name, arguments);
  opcode.prepare = prepare_zero_copy;
  opcode.perform = perform_zero_copy;
  opcode.draw = draw_zero_copy_faults;
  return opcode;
}

constexpr Opcode receiver(const char* name, decltype(Opcode::arguments) arguments) {
  Opcode opcode = sender(name, arguments);
  opcode.prepare = prepare_receive;
  opcode.perform = perform_receive;
  opcode.awaited_events = receive_events;
  opcode.takes_buffers = true;
  return opcode;
}

constexpr Opcode opcodes[] = {
    {.name = "IORING_OP_NOP", .prepare = prepare_nop, .perform = perform_nop},
    transfer("IORING_OP_READV", Moves::in, prepare_vectored, vectored_arguments),
    transfer("IORING_OP_WRITEV", Moves::out, prepare_vectored, vectored_arguments),
    {.name = "IORING_OP_FSYNC",
     .prepare = prepare_fsync,
     .perform = perform_fsync,
     .breaks_link = never_breaks_link,
     .draw = draw_sync_faults,
     .uses_file = true},
    transfer("IORING_OP_READ_FIXED", Moves::in, prepare_fixed, nullptr),
    transfer("IORING_OP_WRITE_FIXED", Moves::out, prepare_fixed, nullptr),
    {.name = "IORING_OP_POLL_ADD",
     .prepare = prepare_poll,
     .perform = perform_poll,
     .draw = draw_multishot_end,
     .awaited_events = poll_events,
     .awaited_descriptor = poll_descriptor,
     .stirred = poll_stirred,
     .uses_file = true},
    {.name = "IORING_OP_POLL_REMOVE", .prepare = prepare_poll_remove, .start = start_poll_remove},
    {.name = "IORING_OP_SYNC_FILE_RANGE",
     .prepare = prepare_sync_file_range,
     .perform = perform_sync_file_range,
     .breaks_link = never_breaks_link,
     .uses_file = true},
    sender("IORING_OP_SENDMSG", header_arguments),
    receiver("IORING_OP_RECVMSG", header_arguments),
    {.name = "IORING_OP_TIMEOUT",
     .prepare = prepare_timeout,
     .perform = perform_timeout,
     .start = start_timeout,
     .breaks_link = timeout_breaks_link,
     .arguments = timeout_arguments},
    {.name = "IORING_OP_TIMEOUT_REMOVE",
     .prepare = prepare_timeout_remove,
     .start = start_timeout_remove},
    {.name = "IORING_OP_ACCEPT",
     .prepare = prepare_accept,
     .perform = perform_accept,
     .draw = draw_socket_faults,
     .awaited_events = accept_events,
     .uses_file = true,
     .takes_priority = true},
    {.name = "IORING_OP_ASYNC_CANCEL", .prepare = prepare_cancel, .start = start_cancel},
    {.name = "IORING_OP_LINK_TIMEOUT",
     .prepare = prepare_timeout,
     .perform = perform_link_timeout,
     .breaks_link = timeout_breaks_link,
     .arguments = timeout_arguments},
    {.name = "IORING_OP_CONNECT",
     .prepare = prepare_connect,
     .perform = perform_connect,
     .arguments = connect_arguments,
     .draw = draw_socket_faults,
     .awaited_events = connect_events,
     .uses_file = true},
    {.name = "IORING_OP_FALLOCATE",
     .prepare = prepare_fallocate,
     .perform = perform_fallocate,
     .breaks_link = never_breaks_link,
     .draw = draw_space_faults,
     .uses_file = true},
    {.name = "IORING_OP_OPENAT",
     .prepare = prepare_open,
     .perform = perform_open,
     .arguments = path_arguments,
     .draw = draw_open_faults},
    {.name = "IORING_OP_CLOSE", .prepare = prepare_close, .perform = perform_close},
    {.name = "IORING_OP_FILES_UPDATE",
     .prepare = prepare_files_update,
     .perform = perform_files_update},
    {.name = "IORING_OP_STATX",
     .prepare = prepare_statx,
     .perform = perform_statx,
     .breaks_link = never_breaks_link,
     .arguments = path_arguments},
    selecting(transfer("IORING_OP_READ", Moves::in, prepare_transfer, message_arguments)),
    transfer("IORING_OP_WRITE", Moves::out, prepare_transfer, transfer_arguments),
    {.name = "IORING_OP_FADVISE",
     .prepare = prepare_advice,
     .perform = perform_fadvise,
     .uses_file = true},
    {.name = "IORING_OP_MADVISE",
     .prepare = prepare_advice,
     .perform = perform_madvise,
     .breaks_link = never_breaks_link},
    sender("IORING_OP_SEND", message_arguments),
    receiver("IORING_OP_RECV", message_arguments),
    {.name = "IORING_OP_OPENAT2",
     .prepare = prepare_open2,
     .perform = perform_open,
     .arguments = open2_arguments,
     .draw = draw_open_faults},
    {.name = "IORING_OP_EPOLL_CTL", .prepare = prepare_epoll_ctl, .perform = perform_epoll_ctl},
    {.name = "IORING_OP_SPLICE"},
    {.name = "IORING_OP_PROVIDE_BUFFERS",
     .prepare = prepare_provide_buffers,
     .perform = perform_provide_buffers},
    {.name = "IORING_OP_REMOVE_BUFFERS",
     .prepare = prepare_remove_buffers,
     .perform = perform_remove_buffers},
    {.name = "IORING_OP_TEE"},
    {.name = "IORING_OP_SHUTDOWN",
     .prepare = prepare_shutdown,
     .perform = perform_shutdown,
     .uses_file = true},
    {.name = "IORING_OP_RENAMEAT",
     .prepare = prepare_rename,
     .perform = perform_rename,
     .breaks_link = never_breaks_link,
     .arguments = two_paths_arguments},
    {.name = "IORING_OP_UNLINKAT",
     .prepare = prepare_unlink,
     .perform = perform_unlink,
     .breaks_link = never_breaks_link,
     .arguments = path_arguments},
    {.name = "IORING_OP_MKDIRAT",
     .prepare = prepare_mkdir,
     .perform = perform_mkdir,
     .breaks_link = never_breaks_link,
     .arguments = path_arguments},
    {.name = "IORING_OP_SYMLINKAT",
     .prepare = prepare_symlink,
     .perform = perform_symlink,
     .breaks_link = never_breaks_link,
     .arguments = two_paths_arguments},
    {.name = "IORING_OP_LINKAT",
     .prepare = prepare_link,
     .perform = perform_link,
     .breaks_link = never_breaks_link,
     .arguments = two_paths_arguments},
    {.name = "IORING_OP_MSG_RING",
     .prepare = prepare_ring_message,
     .perform = perform_ring_message,
     .uses_file = true},
    {.name = "IORING_OP_FSETXATTR"},
    {.name = "IORING_OP_SETXATTR"},
    {.name = "IORING_OP_FGETXATTR"},
    {.name = "IORING_OP_GETXATTR"},
    {.name = "IORING_OP_SOCKET",
     .prepare = prepare_socket,
     .perform = perform_socket,
     .draw = draw_socket_faults},
    {.name = "IORING_OP_URING_CMD"},
    zero_copy_sender("IORING_OP_SEND_ZC", message_arguments),
    zero_copy_sender("IORING_OP_SENDMSG_ZC", header_arguments),
    {.name = "IORING_OP_READ_MULTISHOT"},
    {.name = "IORING_OP_WAITID",
     .prepare = prepare_waitid,
     .perform = perform_waitid,
     .awaited_events = waitid_events,
     .awaited_descriptor = waitid_descriptor,
     .stirred = waitid_stirred},
    {.name = "IORING_OP_FUTEX_WAIT"},
    {.name = "IORING_OP_FUTEX_WAKE"},
    {.name = "IORING_OP_FUTEX_WAITV"},
    {.name = "IORING_OP_FIXED_FD_INSTALL"},
    {.name = "IORING_OP_FTRUNCATE",
     .prepare = prepare_ftruncate,
     .perform = perform_ftruncate,
     .breaks_link = never_breaks_link,
     .uses_file = true},
};

constexpr bool at(unsigned number, std::string_view name) {
  return number < std::size(opcodes) && opcodes[number].name == name;
}
static_assert(at(IORING_OP_TIMEOUT, "IORING_OP_TIMEOUT") && at(IORING_OP_READ, "IORING_OP_READ") &&
              at(IORING_OP_MSG_RING, "IORING_OP_MSG_RING") &&
              at(IORING_OP_SENDMSG_ZC, "IORING_OP_SENDMSG_ZC") &&
              at(op_waitid, "IORING_OP_WAITID") && at(op_ftruncate, "IORING_OP_FTRUNCATE"));

}  // namespace

const Opcode& opcode_of(unsigned number) noexcept {
  static constexpr Opcode unknown{};
  return number < std::size(opcodes) ? opcodes[number] : unknown;
}

const char* opcode_name(unsigned opcode) noexcept {
  const char* const name = opcode_of(opcode).name;
  return name == nullptr ? "an unknown opcode" : name;
}

bool supported(unsigned opcode) {
  if (opcode_of(opcode).prepare == nullptr) return false;
  const auto& missing = session().options.missing_opcodes;
  return std::find(missing.begin(), missing.end(), static_cast<int>(opcode)) == missing.end();
}

}  // namespace percore::sim
