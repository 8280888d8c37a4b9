#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <percore/executor.hpp>
#include <percore/result.hpp>

/// Contract of the module `local_channel`, version 1. Ours, never swapped.
///
/// Invariants (lesson 02):
///   L1  Values come out in the order in which their sends began; each once, none is lost.
///   L2  At most capacity() values lie in it. A sender who finds it full waits: that is
///       back-pressure.
///   L3  First come, first served, among those who send as among those who receive.
///   L4  After close() no send succeeds: those that wait, and later ones, give EPIPE, and their
///       values are destroyed. What lies in the channel can still be received; after that, a
///       receive gives nothing, at once and for ever.
///   L5  Nobody waits any more when the channel is destroyed. Else that is a programmer's mistake
///       and ends the program.
namespace percore {

inline constexpr int local_channel_contract_version = 1;

/// A bounded queue between tasks of one executor: no atomics, no locks.
template <typename C, typename T>
concept LocalChannelContract =
    requires(C channel, const C const_channel, T value, std::size_t capacity) {
      // capacity   at least 1; its memory is taken here and nowhere else.
      C(capacity);
      // Awaiter: waits for room. EPIPE when closed before there was any.
      { channel.send(std::move(value)).await_resume() } -> std::same_as<Result<void>>;
      // Awaiter: waits for a value. Nothing when the channel is closed and empty.
      { channel.receive().await_resume() } -> std::same_as<std::optional<T>>;
      // Takes the value only when it returns true; not ahead of a sender who waits.
      { channel.try_send(value) } -> std::same_as<bool>;
      { channel.try_receive() } -> std::same_as<std::optional<T>>;
      { channel.close() } noexcept -> std::same_as<void>;
      { const_channel.closed() } noexcept -> std::same_as<bool>;
      { const_channel.size() } noexcept -> std::same_as<std::size_t>;
      { const_channel.capacity() } noexcept -> std::same_as<std::size_t>;
    };

}  // namespace percore
