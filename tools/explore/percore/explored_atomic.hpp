#pragma once

/// std::atomic's interface over the schedule explorer's memory model. Included by
/// <percore/atomic.hpp> when the program is compiled with -DPERCORE_EXPLORE.
///
/// Each operation is a step of the explored thread that executes it. Outside an exploration the
/// operations act on a plain value.

#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

namespace percore {

namespace explore {

using Where = std::source_location;

/// What the model knows of an atomic object. The numbers are valid in one execution only.
struct Cell {
  std::uint64_t value = 0;  ///< the initial one, and the present one outside an exploration
  mutable std::uint64_t execution = 0;
  mutable std::uint32_t location = 0;
};

void cell_made(Cell& cell, Where where) noexcept;
void cell_destroyed(Cell& cell) noexcept;
std::uint64_t cell_load(const Cell& cell, std::memory_order order, Where where) noexcept;
void cell_store(Cell& cell, std::uint64_t value, std::memory_order order, Where where) noexcept;

/// old becomes change(old, operand). Returns old.
using Change = std::uint64_t (*)(std::uint64_t old, std::uint64_t operand) noexcept;
std::uint64_t cell_update(Cell& cell, Change change, std::uint64_t operand, std::memory_order order,
                          Where where) noexcept;

struct Exchange {
  std::uint64_t expected;
  std::uint64_t desired;
  std::memory_order success;
  std::memory_order failure;
  bool weak;
};
/// Returns whether it was exchanged; `seen` is what was there.
bool cell_compare_exchange(Cell& cell, const Exchange& exchange, std::uint64_t& seen,
                           Where where) noexcept;
void fence(std::memory_order order, Where where) noexcept;
void wake(Cell& cell, Where where) noexcept;
void sleep(Cell& cell, Where where) noexcept;

constexpr std::memory_order failure_order(std::memory_order success) noexcept {
  if (success == std::memory_order_acq_rel) return std::memory_order_acquire;
  if (success == std::memory_order_release) return std::memory_order_relaxed;
  return success;
}

/// A value with the line it was written in: operators have no default arguments.
template <typename T>
struct Located {
  T value;
  Where where;
  // NOLINTNEXTLINE: the conversion is the point
  Located(T v, Where w = Where::current()) noexcept : value(v), where(w) {}
};

}  // namespace explore

template <typename T>
class atomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t),
                "the schedule explorer models atomics of up to eight bytes");
  using Where = explore::Where;
  using Order = std::memory_order;
  static constexpr Order SEQ_CST = std::memory_order_seq_cst;

 public:
  using value_type = T;
  static constexpr bool is_always_lock_free = true;

  constexpr atomic(Where where = Where::current()) noexcept : atomic(T(), where) {}
  // NOLINTNEXTLINE: as std::atomic's
  constexpr atomic(T value, Where where = Where::current()) noexcept {
    cell_.value = bits(value);
    if (!std::is_constant_evaluated()) explore::cell_made(cell_, where);
  }
  constexpr ~atomic() {
    if (!std::is_constant_evaluated()) explore::cell_destroyed(cell_);
  }
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  [[nodiscard]] bool is_lock_free() const noexcept { return true; }

  T load(Order order = SEQ_CST, Where where = Where::current()) const noexcept {
    return value_of(explore::cell_load(cell_, order, where));
  }
  void store(T value, Order order = SEQ_CST, Where where = Where::current()) noexcept {
    explore::cell_store(cell_, bits(value), order, where);
  }
  T exchange(T value, Order order = SEQ_CST, Where where = Where::current()) noexcept {
    return update<[](std::uint64_t, std::uint64_t operand) noexcept { return operand; }>(
        bits(value), order, where);
  }

  bool compare_exchange_weak(T& expected, T desired, Order success, Order failure,
                             Where where = Where::current()) noexcept {
    return compare_exchange(expected, desired, success, failure, true, where);
  }
  bool compare_exchange_weak(T& expected, T desired, Order order = SEQ_CST,
                             Where where = Where::current()) noexcept {
    return compare_exchange(expected, desired, order, explore::failure_order(order), true, where);
  }
  bool compare_exchange_strong(T& expected, T desired, Order success, Order failure,
                               Where where = Where::current()) noexcept {
    return compare_exchange(expected, desired, success, failure, false, where);
  }
  bool compare_exchange_strong(T& expected, T desired, Order order = SEQ_CST,
                               Where where = Where::current()) noexcept {
    return compare_exchange(expected, desired, order, explore::failure_order(order), false, where);
  }

  T fetch_add(T operand, Order order = SEQ_CST, Where where = Where::current()) noexcept
    requires std::integral<T>
  {
    return update<[](std::uint64_t old, std::uint64_t by) noexcept {
      return bits(static_cast<T>(value_of(old) + value_of(by)));
    }>(bits(operand), order, where);
  }
  T fetch_sub(T operand, Order order = SEQ_CST, Where where = Where::current()) noexcept
    requires std::integral<T>
  {
    return update<[](std::uint64_t old, std::uint64_t by) noexcept {
      return bits(static_cast<T>(value_of(old) - value_of(by)));
    }>(bits(operand), order, where);
  }
  T fetch_add(std::ptrdiff_t steps, Order order = SEQ_CST, Where where = Where::current()) noexcept
    requires std::is_pointer_v<T>
  {
    return update<[](std::uint64_t old, std::uint64_t by) noexcept {
      return bits(value_of(old) + static_cast<std::ptrdiff_t>(by));
    }>(static_cast<std::uint64_t>(steps), order, where);
  }
  T fetch_sub(std::ptrdiff_t steps, Order order = SEQ_CST, Where where = Where::current()) noexcept
    requires std::is_pointer_v<T>
  {
    return fetch_add(-steps, order, where);
  }
  T fetch_or(T operand, Order order = SEQ_CST, Where where = Where::current()) noexcept
    requires std::integral<T>
  {
    return update<[](std::uint64_t old, std::uint64_t with) noexcept { return old | with; }>(
        bits(operand), order, where);
  }
  T fetch_and(T operand, Order order = SEQ_CST, Where where = Where::current()) noexcept
    requires std::integral<T>
  {
    return update<[](std::uint64_t old, std::uint64_t with) noexcept { return old & with; }>(
        bits(operand), order, where);
  }
  T fetch_xor(T operand, Order order = SEQ_CST, Where where = Where::current()) noexcept
    requires std::integral<T>
  {
    return update<[](std::uint64_t old, std::uint64_t with) noexcept { return old ^ with; }>(
        bits(operand), order, where);
  }

  operator T() const noexcept { return load(SEQ_CST, Where{}); }  // NOLINT: as std::atomic's
  T operator=(T value) noexcept {                                 // NOLINT: as std::atomic's
    store(value, SEQ_CST, Where{});
    return value;
  }
  T operator++() noexcept
    requires std::integral<T>
  {
    return static_cast<T>(fetch_add(1, SEQ_CST, Where{}) + 1);
  }
  T operator++(int) noexcept
    requires std::integral<T>
  {
    return fetch_add(1, SEQ_CST, Where{});
  }
  T operator--() noexcept
    requires std::integral<T>
  {
    return static_cast<T>(fetch_sub(1, SEQ_CST, Where{}) - 1);
  }
  T operator--(int) noexcept
    requires std::integral<T>
  {
    return fetch_sub(1, SEQ_CST, Where{});
  }
  T operator+=(explore::Located<T> by) noexcept
    requires std::integral<T>
  {
    return static_cast<T>(fetch_add(by.value, SEQ_CST, by.where) + by.value);
  }
  T operator-=(explore::Located<T> by) noexcept
    requires std::integral<T>
  {
    return static_cast<T>(fetch_sub(by.value, SEQ_CST, by.where) - by.value);
  }

 private:
  static constexpr std::uint64_t bits(T value) noexcept {
    if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      return static_cast<std::uint64_t>(value);
    } else if constexpr (sizeof(T) == sizeof(std::uint64_t) && !std::is_pointer_v<T>) {
      return std::bit_cast<std::uint64_t>(value);
    } else {
      std::uint64_t out = 0;
      if (std::is_constant_evaluated()) return out;  // a null pointer, in a static atomic
      std::memcpy(&out, &value, sizeof value);
      return out;
    }
  }
  static T value_of(std::uint64_t given) noexcept {
    if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      return static_cast<T>(given);
    } else {
      T out;
      std::memcpy(&out, &given, sizeof out);
      return out;
    }
  }
  template <auto CHANGE>
  T update(std::uint64_t operand, Order order, Where where) noexcept {
    return value_of(explore::cell_update(cell_, CHANGE, operand, order, where));
  }
  bool compare_exchange(T& expected, T desired, Order success, Order failure, bool weak,
                        Where where) noexcept {
    std::uint64_t seen = 0;
    const bool done = explore::cell_compare_exchange(
        cell_, {bits(expected), bits(desired), success, failure, weak}, seen, where);
    if (!done) expected = value_of(seen);
    return done;
  }

  explore::Cell cell_;
};

namespace explore {
struct ThreadFence {
  void operator()(std::memory_order order, Where where = Where::current()) const noexcept {
    fence(order, where);
  }
};
}  // namespace explore

/// An object and no function: a call without percore:: would find the standard's as well, by its
/// argument.
inline constexpr explore::ThreadFence atomic_thread_fence{};

class Parking {
 public:
  Parking(explore::Where where = explore::Where::current()) noexcept {  // NOLINT
    explore::cell_made(cell_, where);
  }
  ~Parking() { explore::cell_destroyed(cell_); }
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;

  void sleep(explore::Where where = explore::Where::current()) noexcept {
    explore::sleep(cell_, where);
  }
  void wake(explore::Where where = explore::Where::current()) noexcept {
    explore::wake(cell_, where);
  }

 private:
  explore::Cell cell_;
};

}  // namespace percore
