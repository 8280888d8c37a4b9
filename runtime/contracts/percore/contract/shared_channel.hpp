#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <percore/doorbell.hpp>
#include <percore/result.hpp>
#include <percore/spsc_queue.hpp>
#include <type_traits>

/// Contract of the module `shared_channel`, version 1. Ours, never swapped.
///
/// Invariants (lesson 05):
///   H1  Values come out in the order in which their sends began; each once, none is lost.
///   H2  At most capacity() values lie in it. A sender who finds it full waits: back-pressure.
///   H3  An end that waits is rung when what it waits for has come, a value, room, or the close of
///       the other end; an end that does not wait is never rung.
///   H4  What was sent is on its way, at the latest, when the sender's turn ends; room that was
///       made is given back, at the latest, when the receiver's turn ends. Not one by one: before
///       the end of its turn at most the first value goes by itself, and a quarter of the capacity
///       at once.
///   H5  When the sender has closed, what was sent before can still be received; after that, a
///       receive gives nothing, at once and for ever.
///   H6  When the receiver has closed, no send succeeds: one that waits, and later ones, give
///       EPIPE. Its own receives give nothing.
///   H7  A value that was not received is destroyed by the end that goes last, on its thread.
///   H8  At the end of an executor a send that waits gives ECANCELED, a receive nothing.
namespace percore {

inline constexpr int shared_channel_contract_version = 1;

/// What the module must offer:
///   class ChannelCore<T>  in <percore/channel_core.hpp>: what both ends share, without an
///                         executor, so that the schedule explorer can run it. `queue` is the
///                         SpscQueue. An end says that it waits, and looks again: wait_for_room(),
///                         wait_for_value(), true when it waits, asked again after each ring.
///                         publish(), release(), close_producer() and close_consumer() say whether
///                         the other end waits: then the caller rings, once for each wait.
///                         drained(): the producer has closed, and nothing is left.
///   shared_channel<T>(capacity) -> ChannelEnds<T>{sender, receiver}
///                         from any thread. Each end is moved to its executor's thread before its
///                         first use, and is used and destroyed there from then on.
///   class SharedSender<T>, SharedReceiver<T>
///                         movable until they are first used. Destroying one closes it. One task at
///                         a time waits in an end.
/// T   nothrow-movable. Throws   std::bad_alloc; from an end's first use std::system_error.
template <typename C, typename T>
concept ChannelCoreContract = requires(C core, const C const_core, std::size_t capacity) {
  C(capacity);
  { core.queue } -> std::same_as<SpscQueue<T>&>;
  { core.publish() } noexcept -> std::same_as<bool>;
  { core.wait_for_room() } noexcept -> std::same_as<bool>;
  { const_core.consumer_closed() } noexcept -> std::same_as<bool>;
  { core.close_producer() } noexcept -> std::same_as<bool>;
  { core.release() } noexcept -> std::same_as<bool>;
  { core.wait_for_value() } noexcept -> std::same_as<bool>;
  { core.drained() } noexcept -> std::same_as<bool>;
  { core.close_consumer() } noexcept -> std::same_as<bool>;
};

template <typename S, typename T>
concept SharedSenderContract = requires(S sender, const S const_sender, T value) {
  // Awaiter: waits for room. EPIPE when the receiver has closed; ECANCELED (H8).
  { sender.send(std::move(value)).await_resume() } -> std::same_as<Result<void>>;
  // Takes the value only when it returns true.
  { sender.try_send(value) } -> std::same_as<bool>;
  // Publishes what was sent in this turn, before the turn ends.
  { sender.flush() } noexcept -> std::same_as<void>;
  { sender.close() } noexcept -> std::same_as<void>;
  // The receiver has closed.
  { const_sender.closed() } noexcept -> std::same_as<bool>;
  { const_sender.capacity() } noexcept -> std::same_as<std::size_t>;
};

template <typename R, typename T>
concept SharedReceiverContract = requires(R receiver, const R const_receiver) {
  // Awaiter: waits for a value. Nothing: closed and empty (H5), or H8.
  { receiver.receive().await_resume() } -> std::same_as<std::optional<T>>;
  // The same without H8: for a value that comes for certain.
  { receiver.receive_through_end().await_resume() } -> std::same_as<std::optional<T>>;
  { receiver.try_receive() } -> std::same_as<std::optional<T>>;
  { receiver.close() } noexcept -> std::same_as<void>;
  // The sender has closed and nothing is left.
  { receiver.drained() } noexcept -> std::same_as<bool>;
  { const_receiver.capacity() } noexcept -> std::same_as<std::size_t>;
};

}  // namespace percore
