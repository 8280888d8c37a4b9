#pragma once

#include <concepts>
#include <cstddef>
#include <percore/executor.hpp>

/// Contract of the module `sync`, version 1. Ours, never swapped.
///
/// No atomics and no mutex: one thread owns each of these with all who wait for it.
///
/// Invariants (lesson 02):
///   S1  First come, first served: who waits longest goes on first, and nobody who comes later
///       takes what it waits for, however little they want.
///   S2  Units are never lost and never made: those in hand and those held are what was put in.
///   S3  A release hands units over; it resumes nobody. Each waiter is woken once, and only when
///       what it waits for is its own.
///   S4  An event that is set lets everybody through until it is reset; setting it wakes all who
///       wait, also if it is reset before they run.
///   S5  A closed gate lets nobody in, and its close() ends when the last one inside has left.
///   S6  Nobody waits any more when one of these is destroyed. Else that is a programmer's mistake
///       and ends the program.
namespace percore {

inline constexpr int sync_contract_version = 1;

/// What the module must offer, for the tasks of one executor:
///   class Semaphore       Semaphore(std::size_t units)
///                         co_await s.acquire(units = 1)   waits until they are the caller's
///                         co_await s.hold(units = 1)      the same; gives a SemaphoreUnits, which
///                                                         releases them at its end
///                         s.try_acquire(units = 1), s.release(units = 1), available(), waiting()
///   class Event           set(), reset(), is_set(); co_await e.wait()
///   class Gate            enter(): a Result<GatePass>, ECANCELED once closed; inside(), closed();
///                         co_await g.close(), as often as one likes
template <typename S>
concept SemaphoreContract = requires(S semaphore, const S const_semaphore, std::size_t units) {
  S(units);
  semaphore.acquire();
  semaphore.hold();
  { semaphore.acquire(units).await_resume() } -> std::same_as<void>;
  // False when fewer are in hand, or when somebody waits already (S1).
  { semaphore.try_acquire(units) } noexcept -> std::same_as<bool>;
  { semaphore.release(units) } noexcept -> std::same_as<void>;
  { const_semaphore.available() } noexcept -> std::same_as<std::size_t>;
  { const_semaphore.waiting() } noexcept -> std::same_as<std::size_t>;
};

template <typename E>
concept EventContract = requires(E event, const E const_event) {
  { event.wait().await_resume() } -> std::same_as<void>;
  { event.set() } noexcept -> std::same_as<void>;
  { event.reset() } noexcept -> std::same_as<void>;
  { const_event.is_set() } noexcept -> std::same_as<bool>;
};

template <typename G>
concept GateContract = requires(G gate, const G const_gate) {
  { gate.enter().has_value() } noexcept -> std::same_as<bool>;
  { gate.close().await_resume() } -> std::same_as<void>;
  { const_gate.inside() } noexcept -> std::same_as<std::size_t>;
  { const_gate.closed() } noexcept -> std::same_as<bool>;
};

}  // namespace percore
