#pragma once

#include <concepts>
#include <percore/clock.hpp>

/// Contract of the module `fair_share`, version 1. Ours, never swapped.
///
/// Who is next when several share one thread. The module knows no executor and reads no clock: its
/// user says who is ready, and how long each has run.
///
/// A holder's *virtual time* is the time it has run, times 1000, divided by its shares: with 1000
/// shares it passes as the clock does, with 100 ten times as fast.
///
/// Invariants (lesson 04):
///   F1  Of those that are ready the one with the least virtual time is next; of equals the one
///       that is due first, and then the one that has waited longest.
///   F2  Virtual time is exact: no fraction is lost, in however small pieces a holder runs. What a
///       division leaves over stays with the holder while it sleeps, and where waking raises it.
///   F3  While two stay ready, what they run, each divided by its shares, differs over any stretch
///       of time by at most one turn of each, divided by its shares.
///   F4  Sleeping earns nothing and forgives nothing: who wakes goes on at the virtual time at
///       which the latest turn began, or at its own where that is later.
///   F5  Nobody starves: every turn costs at least one nanosecond, so that the others' time comes.
///   F6  Shares are 1 to 1000 and may change at any time; what was run before is not counted anew.
///       New shares drop what the last division by the old ones left over, less than a nanosecond.
namespace percore {

inline constexpr int fair_share_contract_version = 1;

inline constexpr unsigned shares_min = 1;
inline constexpr unsigned shares_max = 1000;

/// Nanoseconds times 1000 divided by shares. With 64 bits it would last for 106 days of a holder
/// with one share.
using VirtualTime = __int128;

/// What the module must offer:
///   class ShareHolder   one of those who share. It stays where it is while ready; destroying a
///                       ready one, and shares out of bounds, are a programmer's mistake.
///   class FairShare     all of them. Nothing allocates. Thread: one.
template <typename F, typename Holder>
concept FairShareContract = requires(F fair, const F const_fair, Holder holder,
                                     const Holder const_holder, unsigned shares, Time time) {
  Holder(shares);
  { holder.set_shares(shares) } noexcept -> std::same_as<void>;
  { const_holder.shares() } noexcept -> std::same_as<unsigned>;
  { const_holder.virtual_time() } noexcept -> std::same_as<VirtualTime>;
  { const_holder.ready() } noexcept -> std::same_as<bool>;
  // `holder` was not ready and is from now on (F4). `due` lasts until it is charged: the moment
  // by which it wants its turn, Time::never() when that does not matter.
  { fair.wake(holder, time) } noexcept -> std::same_as<void>;
  { fair.wake(holder) } -> std::same_as<void>;
  // Begins the turn of the one that is next (F1), which stays ready. Null when none is.
  { fair.pick() } noexcept -> std::same_as<Holder*>;
  // `holder` is ready and has run so long. A turn may be charged in several pieces.
  { fair.charge(holder, time) } noexcept -> std::same_as<void>;
  // `holder` was ready and is no longer.
  { fair.sleep(holder) } noexcept -> std::same_as<void>;
  { const_fair.anything_ready() } noexcept -> std::same_as<bool>;
};

}  // namespace percore
