#pragma once

/// What a program says about itself in the picture of its run, beside what the ring saw: a lane
/// "task 3" that begins and ends. `percore trace` shows it; on the kernel nothing happens.
///
///     percore::Task<> serve(unsigned number) {
///       const percore::Span span("client", number);
///       ...
///     }
///
/// Thread  any.
/// Cost    a load and a branch where nobody draws. Of the runtime's own paths only the switch from
///         one task queue to another holds one.

/// Of the simulated ring; absent on the kernel. The words are copied.
extern "C" [[gnu::weak]] void percore_mark(int what, const char* lane, unsigned long number,
                                           const char* text);

namespace percore {

/// From its construction to its destruction: a coroutine's local lives as long as its body.
class Span {
 public:
  Span(const char* lane, unsigned long number) noexcept : lane_(lane), number_(number) {
    if (percore_mark != nullptr) percore_mark(0, lane_, number_, nullptr);
  }
  ~Span() {
    if (percore_mark != nullptr) percore_mark(1, lane_, number_, nullptr);
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

  /// Puts a word on the lane, at this moment.
  void say(const char* text) const noexcept {
    if (percore_mark != nullptr) percore_mark(2, lane_, number_, text);
  }

 private:
  const char* lane_;
  unsigned long number_;
};

}  // namespace percore
