#pragma once

#include <memory>
#include <percore/shards.hpp>
#include <utility>
#include <vector>

namespace percore {

/// A service with one part on each shard: each is made, used and destroyed on its own executor.
/// Thread   any; it is made before the pool, shared by its members, and destroyed after they have
///          stopped their parts.
template <typename Service>
class Sharded {
 public:
  /// count   that of the Shards.
  explicit Sharded(std::size_t count) : parts_(count) {}

  /// Makes this shard's part. Another shard may call as soon as it has joined, so start() comes
  /// right behind this shard's join(), without a co_await between the two; a part that has to wait
  /// for something first, for a file say, does so in a function of its own, which is called then.
  /// Throws   what the constructor throws.
  template <typename... Arguments>
  Service& start(const ShardLink& link, Arguments&&... arguments) {
    auto& part = part_of(link).service;
    PERCORE_ASSERT(part == nullptr, "this shard's part of a Sharded service was started before");
    part = std::make_unique<Service>(std::forward<Arguments>(arguments)...);
    return *part;
  }

  /// This shard's part.
  Service& local(const ShardLink& link) noexcept {
    auto& part = part_of(link).service;
    PERCORE_ASSERT(part != nullptr, "a Sharded service was asked on a shard that has no part");
    return *part;
  }

  /// Calls function(part) on the executor of `shard`. As ShardLink::submit_to().
  template <typename F>
  auto invoke_on(ShardLink& link, std::size_t shard, F function) {
    static_cast<void>(part_of(link));  // that it is of as many shards
    return link.submit_to(shard, [this, shard, function = std::move(function)]() mutable {
      auto& part = parts_[shard].service;
      PERCORE_ASSERT(part != nullptr, "a Sharded service was asked on a shard that has no part");
      return function(*part);
    });
  }

  /// Destroys this shard's part.
  void stop(const ShardLink& link) noexcept { part_of(link).service.reset(); }

 private:
  // Each is one shard's alone.
  struct alignas(cache_line_bytes) Part {
    std::unique_ptr<Service> service;
  };
  Part& part_of(const ShardLink& link) noexcept {
    PERCORE_ASSERT(parts_.size() == link.count(),
                   "a Sharded service has as many parts as there are shards");
    return parts_[link.number()];
  }

  std::vector<Part> parts_;
};

}  // namespace percore
