#pragma once

// What an operation on a socket or a poll holds beside its entry.

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>

namespace percore::sim {

struct Exchange {
  // Of a message.
  unsigned parts = 0;        // how many of Operation::vectors are data; behind them, what is held
  int message_flags = 0;     // MSG_...
  unsigned entry_flags = 0;  // IORING_RECVSEND_..., IORING_ACCEPT_..., IORING_POLL_...
  bool multishot = false;
  std::uint64_t done = 0;  // bytes moved by earlier attempts of a MSG_WAITALL
  sockaddr_storage address{};
  socklen_t address_length = 0;
  void* name = nullptr;  // where the sender's address goes
  socklen_t* name_length = nullptr;
  socklen_t name_room = 0;
  void* control = nullptr;
  std::size_t control_length = 0;
  msghdr* header = nullptr;  // of a RECVMSG: takes the lengths and flags at the end

  // Of a connect: the handshake is under way. Of a zero-copy send: only the notification is left.
  // Of a poll: it has looked once.
  bool started = false;

  // Of a poll.
  std::uint32_t events = 0;
  short woken_by = 0;          // what was ready when it was woken: its result, whatever is so later
  int edges = -1;              // an epoll descriptor that sees each edge, of a multishot poll
  std::uint64_t activity = 0;  // of a modelled socket, as last seen

  // Faults drawn at submission.
  unsigned shots = 0;         // completions so far
  unsigned shots_max = 0;     // the one that has no F_MORE; 0 = none
  unsigned starved_shot = 0;  // the one that finds no buffer; 0 = none
  std::int64_t notification_delay = 0;

  Exchange() = default;
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
};

}  // namespace percore::sim
