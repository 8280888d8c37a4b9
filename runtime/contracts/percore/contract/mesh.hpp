#pragma once

#include <concepts>
#include <cstddef>
#include <percore/result.hpp>
#include <percore/shared_channel.hpp>

/// Contract of the module `mesh`, version 1. Ours, never swapped.
///
/// Invariants (lesson 05):
///   N1  join() goes on when all members have joined, in whatever order they come; no member sends
///       before that.
///   N2  Between each member that sends and each other member that receives there is one channel,
///       and no other.
///   N3  A member that cannot join says so with fail(); one whose join() throws, and one whose
///       executor ends before all have come, has failed, too. All that have joined, and all that
///       come later, are told, and nobody waits for ever. One that does neither is waited for: who
///       finds out before its join() that it cannot come calls fail().
///   N4  Members are numbered from 0 in the order that the program gives, not in that of their
///       coming.
///   N5  submit_to() runs the function on the executor asked for, and brings its value or exception
///       back to the caller's; the function and its value are destroyed where the caller is.
///   N6  At most capacity() calls from one member to another are on their way; a caller beyond
///       waits.
namespace percore {

inline constexpr int mesh_contract_version = 1;

/// What a member does in a partial mesh. In a full one all do both.
enum class MeshRole { sends, receives, both };

/// What the module must offer:
///   class Mesh<T>        Mesh(members, capacity): from any thread; shared by its members, which it
///                        outlives. join(number, role = both) -> Task<Result<MeshMember<T>>>, once
///                        for each member, on its executor; ECANCELED after fail().
///                        fail() noexcept, from any thread.
///   class MeshMember<T>  number(), members(); sends_to(n), receives_from(n); sender(n),
///                        receiver(n), which require them.
///   class Shards         Shards(count, capacity): a mesh of calls. join(number) ->
///                        Task<Result<ShardLink>>; fail().
///   class ShardLink      number(), count(); submit_to(n, function), an awaiter of what function()
///                        gives: a value or a Task. leave() -> Task<>: no call comes or goes after.
///   class Sharded<S>     one S a shard: start(link, arguments...), local(), invoke_on(n, f),
///                        stop().
template <typename M, typename T>
concept MeshMemberContract = requires(M member, const M const_member, std::size_t number) {
  { const_member.number() } noexcept -> std::same_as<std::size_t>;
  { const_member.members() } noexcept -> std::same_as<std::size_t>;
  { const_member.sends_to(number) } noexcept -> std::same_as<bool>;
  { const_member.receives_from(number) } noexcept -> std::same_as<bool>;
  { member.sender(number) } noexcept -> std::same_as<SharedSender<T>&>;
  { member.receiver(number) } noexcept -> std::same_as<SharedReceiver<T>&>;
};

}  // namespace percore
