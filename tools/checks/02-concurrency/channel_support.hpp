#pragma once

#include <deque>
#include <percore/local_channel.hpp>

#include "support.hpp"

// What the checks of local_channel share: values that are counted, and a model of the channel.
namespace checks {

using percore::LocalChannel;

/// A value that can only be moved, and is counted while it is more than an empty shell.
class Counted {
 public:
  explicit Counted(unsigned number) : number_(number) {
    ++alive;
    ++objects;
  }
  Counted(Counted&& other) noexcept : number_(std::exchange(other.number_, gone)) { ++objects; }
  Counted& operator=(Counted&& other) noexcept {
    if (this == &other) return *this;
    drop();
    number_ = std::exchange(other.number_, gone);
    return *this;
  }
  ~Counted() {
    drop();
    --objects;
  }

  bool empty() const { return number_ == gone; }
  unsigned number() const { return number_; }
  static inline int alive = 0;
  static inline int objects = 0;  // empty shells too

 private:
  static constexpr unsigned gone = ~0U;
  void drop() {
    if (number_ != gone) --alive;
    number_ = gone;
  }
  unsigned number_;
};

using Channel = LocalChannel<Counted>;

/// A channel, what must lie in it, who must wait, and who must have got what.
struct ChannelStory {
  percore::check::Run& run;
  std::size_t capacity;
  Channel channel;

  struct Waits {
    unsigned task;
    unsigned value;
  };
  std::deque<unsigned> inside;
  std::deque<Waits> senders;
  std::deque<unsigned> receivers;
  bool closed = false;

  static constexpr unsigned nothing = 1'000'000;
  struct Got {
    unsigned task;
    unsigned value;
    bool operator==(const Got&) const = default;
  };
  // Of those that had to wait; the others must go on at once.
  std::vector<Got> expected_received, received;
  std::vector<std::pair<unsigned, bool>> expected_sent, sent;
  unsigned begun = 0;
  unsigned done = 0;
  unsigned values = 0;
  unsigned tasks = 0;
  std::vector<JoinHandle<void>> handles;

  ChannelStory(percore::check::Run& its_run, std::size_t its_capacity)
      : run(its_run), capacity(its_capacity), channel(its_capacity) {
    Counted::alive = 0;
    Counted::objects = 0;
  }

  std::string state() const {
    return percore::check::say(
        "{} of {} places were taken, {} senders and {} receivers waited, the channel "
        "was {}",
        inside.size(), capacity, senders.size(), receivers.size(), closed ? "closed" : "open");
  }
  const char* refused() const {
    return closed ? "a closed channel takes nothing" : "there is no room for the value";
  }

  // The model: what a send and a receive that begin now do.
  bool model_takes(unsigned value) {
    if (closed) return false;
    if (!receivers.empty()) {
      expected_received.push_back({receivers.front(), value});
      receivers.pop_front();
      return true;
    }
    if (inside.size() == capacity) return false;
    inside.push_back(value);
    return true;
  }
  unsigned model_gives() {
    if (inside.empty()) return nothing;
    const unsigned value = inside.front();
    inside.pop_front();
    if (!senders.empty()) {
      inside.push_back(senders.front().value);
      expected_sent.emplace_back(senders.front().task, true);
      senders.pop_front();
    }
    return value;
  }

  void begin_send();
  void begin_receive();
  void try_send();
  void try_receive();
  void close();
  void compare(const char* after);
  void expect_empty_places() const;
  void expect_value(unsigned value, unsigned expected);
};

inline void ChannelStory::expect_value(unsigned value, unsigned expected) {
  if (value == expected) return;
  if (expected == nothing)
    fail_with("L4", the_close,
              percore::check::say("the channel is {} and empty, and a receive gave value {}",
                                  closed ? "closed" : "open", value));
  if (value == nothing)
    fail_with(
        "L4", the_close,
        percore::check::say("a receive gave nothing, and value {} was there for it: what lies in a "
                            "closed channel can still be received",
                            expected));
  fail_with("L1", the_channel,
            percore::check::say(
                "a receive gave value {}, and it was the turn of value {}: values come out in "
                "the order in which their sends began",
                value, expected));
}

inline Task<> sends(ChannelStory& story, unsigned task, unsigned value) {
  const bool taken = story.model_takes(value);
  const bool waits = !taken && !story.closed;
  if (waits) story.senders.push_back({task, value});
  story.begun += !waits;
  Counted counted(value);
  const auto sent = co_await story.channel.send(std::move(counted));
  story.run.operation(value);
  if (!sent && sent.error() != std::error_code(EPIPE, std::system_category()))
    fail_with(
        "L4", the_close,
        percore::check::say("a send to a closed channel gives EPIPE of std::system_category(), and "
                            "this one gave: {} (category {})",
                            sent.error().message(), sent.error().category().name()));
  if (waits) {
    story.sent.emplace_back(task, sent.has_value());
    co_return;
  }
  ++story.done;
  if (sent.has_value() != taken)
    fail_with("L4", the_close,
              percore::check::say(
                  "the channel is {} and {}, and a send {}", story.closed ? "closed" : "open",
                  taken ? "had room" : "had no room", sent ? "succeeded" : "gave EPIPE"));
}

inline Task<> receives(ChannelStory& story, unsigned task) {
  const unsigned expected = story.model_gives();
  const bool waits = expected == ChannelStory::nothing && !story.closed;
  if (waits) story.receivers.push_back(task);
  story.begun += !waits;
  const auto got = co_await story.channel.receive();
  story.run.operation(task);
  const unsigned value = got ? got->number() : ChannelStory::nothing;
  if (waits) {
    story.received.push_back({task, value});
    co_return;
  }
  ++story.done;
  story.expect_value(value, expected);
}

inline void ChannelStory::begin_send() {
  handles.push_back(spawn(sends(*this, tasks++, values++)));
}
inline void ChannelStory::begin_receive() {
  handles.push_back(spawn(receives(*this, tasks++)));
}
inline void ChannelStory::try_send() {
  const unsigned number = values++;
  const std::string before = state();
  const bool possible = model_takes(number);
  Counted value(number);
  const bool said = channel.try_send(value);
  require(said == possible, "{}, and try_send() returned {}: {}", before, said,
          possible ? "there is room for the value" : refused());
  require(value.empty() == said, "try_send() returned {}, and the value was {}", said,
          value.empty() ? "taken all the same" : "left with the caller");
}
inline void ChannelStory::try_receive() {
  const unsigned expected = model_gives();
  const auto got = channel.try_receive();
  const unsigned number = got ? got->number() : nothing;
  if (number == expected) return;
  if (expected == nothing)
    fail_with(percore::check::say("nothing lies in the channel, and try_receive() gave value {}",
                                  number));
  if (number == nothing)
    fail_with(percore::check::say("value {} lies in the channel, and try_receive() gave nothing",
                                  expected));
  fail_with(percore::check::say(
      "value {} has been in the channel longest, and try_receive() gave value {}", expected,
      number));
}
inline void ChannelStory::close() {
  closed = true;
  for (const Waits& sender : senders) expected_sent.emplace_back(sender.task, false);
  for (const unsigned receiver : receivers) expected_received.push_back({receiver, nothing});
  senders.clear();
  receivers.clear();
  const std::size_t before = sent.size() + received.size();
  channel.close();
  require(channel.closed(), "the channel was closed and closed() says no");
  require(sent.size() + received.size() == before,
          "close() resumed a task that waited: it only makes it ready");
}

inline void ChannelStory::compare(const char* after) {
  require(channel.size() == inside.size(),
          "after {} {} values lie in the channel and size() says {}", after, inside.size(),
          channel.size());
  if (channel.size() > capacity)
    fail_with("L2", the_channel,
              percore::check::say("{} values lie in a channel of {}", channel.size(), capacity));
  for (std::size_t i = 0; i < std::min(received.size(), expected_received.size()); ++i) {
    if (received[i] == expected_received[i]) continue;
    if (received[i].task != expected_received[i].task)
      fail_with("L3", the_channel,
                percore::check::say("receiver {} went on, and receiver {} had waited longer",
                                    received[i].task, expected_received[i].task));
    expect_value(received[i].value, expected_received[i].value);
  }
  require(done == begun, "after {} {} of the {} calls that began still wait, and {}", after,
          begun - done, begun,
          closed ? "a call on a closed channel need not wait"
                 : "there was room, or a value, for each of them");
  if (received.size() < expected_received.size()) {
    const Got& next = expected_received[received.size()];
    fail_with(
        next.value == nothing
            ? percore::check::say(
                  "after {} the channel is closed, and receiver {}, who waited, does "
                  "not go on",
                  after, next.task)
            : percore::check::say("after {} value {} is there for receiver {}, who waited, and it "
                                  "does not go on",
                                  after, next.value, next.task));
  }
  require(received.size() == expected_received.size(),
          "after {} a receiver went on, and there was nothing for it", after);
  for (std::size_t i = 0; i < std::min(sent.size(), expected_sent.size()); ++i) {
    if (sent[i].first != expected_sent[i].first)
      fail_with("L3", the_channel,
                percore::check::say("sender {} went on, and sender {} had waited longer",
                                    sent[i].first, expected_sent[i].first));
    if (sent[i].second != expected_sent[i].second)
      fail_with("L4", the_close,
                percore::check::say(
                    "sender {} was told that its value {}, and the channel {}", sent[i].first,
                    sent[i].second ? "was sent" : "was not sent",
                    expected_sent[i].second ? "had taken it" : "was closed before it did"));
  }
  if (sent.size() < expected_sent.size()) {
    const auto& [task, taken] = expected_sent[sent.size()];
    fail_with(percore::check::say("after {} {}, and sender {}, who waited, does not go on", after,
                                  taken ? "there was room" : "the channel is closed", task));
  }
  require(sent.size() == expected_sent.size(),
          "after {} a sender went on, and its value has no place: {} of {} are taken", after,
          inside.size(), capacity);
  const int alive = static_cast<int>(inside.size() + senders.size());
  require(Counted::alive >= alive,
          "{} values lie in the channel or wait with their senders, and {} are alive: one was lost",
          alive, Counted::alive);
  require(Counted::alive == alive,
          "{} values lie in the channel or wait with their senders, and {} are alive: a value that "
          "was received, or refused, is still kept",
          alive, Counted::alive);
}

// Only where no task has a value in its frame.
inline void ChannelStory::expect_empty_places() const {
  const int taken = static_cast<int>(inside.size());
  require(Counted::objects <= taken,
          "{} values lie in the channel, and its places hold {} objects: a value that was received "
          "was moved out of its place, and the empty shell still lies there; a place is empty when "
          "its std::optional holds nothing",
          taken, Counted::objects);
}

}  // namespace checks
