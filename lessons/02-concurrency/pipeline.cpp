// Lesson 02, sitting 3: tasks that hand one another what they have made.
#include <algorithm>
#include <command_line.hpp>
#include <percore/combinators.hpp>
#include <percore/executor.hpp>
#include <percore/local_channel.hpp>
#include <percore/mark.hpp>
#include <percore/timer.hpp>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "parts/channel_sabotage.hpp"
#include "parts/work.hpp"

namespace {

using lesson::milliseconds;
using Channel = percore::LocalChannel<unsigned>;

percore::Task<> produce(Channel& out, unsigned values) {
  const percore::Span span("producer", 0);
  for (unsigned value = 1; value <= values; ++value) {
    const auto sent = co_await out.send(value);
    if (!sent) co_return;  // nobody takes any more: stop, it is no mistake
  }
  out.close();
}

percore::Task<> square(Channel& in, Channel& out, unsigned worker) {
  const percore::Span span("worker", worker);
  for (;;) {
    const auto value = co_await in.receive();
    if (!value) co_return;  // closed, and drained
    static_cast<void>(co_await percore::sleep_for(milliseconds(2)));
    static_cast<void>(co_await out.send(*value * *value));
  }
}

percore::Task<unsigned> add_up(Channel& in) {
  const percore::Span span("sum", 0);
  unsigned sum = 0;
  for (;;) {
    const auto value = co_await in.receive();
    if (!value) co_return sum;
    sum += *value;
  }
}

/// A producer, some workers, one who adds up; between them two channels with a bound.
percore::Task<unsigned> run_pipeline(unsigned values, unsigned workers, std::size_t capacity) {
  Channel numbers(capacity);
  Channel squares(capacity);
  auto sum = percore::spawn(add_up(squares));
  auto producer = percore::spawn(produce(numbers, values));
  std::vector<percore::Task<>> squaring;
  for (unsigned worker = 0; worker < workers; ++worker)
    squaring.push_back(square(numbers, squares, worker));
  static_cast<void>(co_await percore::when_all(std::move(squaring)));
  squares.close();  // the last worker has ended: no more will come
  co_await producer;
  co_return co_await sum;
}

void show_pipeline(percore::Executor& executor, unsigned values, std::size_t capacity) {
  fmt::print("squares of 1 to {}, channels of {}\n\n{:<10}{:>8}{:>10}\n", values, capacity,
             "workers", "sum", "ms");
  for (const unsigned workers : {1U, 2U, 4U, 8U}) {
    const percore::Time start = percore::now();
    const unsigned sum = executor.run(run_pipeline(values, workers, capacity));
    fmt::print("{:<10}{:>8}{:>10.0f}\n", workers, sum,
               lesson::in_milliseconds(percore::now() - start));
  }
}

percore::Task<> sends(Channel& channel) {
  for (unsigned value = 1; value <= 3; ++value) {
    const auto sent = co_await channel.send(value);
    fmt::print("  sender: {} {}\n", value, sent ? "is sent" : sent.error().message());
  }
}

/// What a channel of one does: predict it before you run it.
percore::Task<> show_order() {
  Channel channel(1);
  auto sender = percore::spawn(sends(channel));
  co_await percore::yield();
  fmt::print("{} in the channel\n", channel.size());
  const auto first = co_await channel.receive();
  fmt::print("received {}, {} in the channel\n", first.value_or(0), channel.size());
  co_await percore::yield();
  channel.close();
  co_await percore::yield();
  const auto second = co_await channel.receive();
  const auto third = co_await channel.receive();
  fmt::print("received {}, then {}\n", second.value_or(0), third ? "another" : "nothing");
  co_await sender;
}

percore::Task<std::string> answers(std::string name, percore::Time after) {
  const auto slept = co_await percore::sleep_for(after);
  co_return slept ? name : name + ", cancelled";
}

percore::Task<> show_first() {
  std::vector<percore::Task<std::string>> replicas;
  replicas.push_back(answers("the far replica", milliseconds(30)));
  replicas.push_back(answers("the near replica", milliseconds(10)));
  const percore::Time start = percore::now();
  const auto first = co_await percore::when_any(std::move(replicas));
  fmt::print("{} answered first, after {:.0f} ms\n", first.value,
             lesson::in_milliseconds(percore::now() - start));
  const auto in_time = co_await percore::with_timeout(answers("an answer", milliseconds(5)),
                                                      percore::now() + milliseconds(50));
  fmt::print("asked for 5 ms, given 50: {}\n", in_time ? *in_time : in_time.error().message());
  const auto late = co_await percore::with_timeout(answers("an answer", milliseconds(500)),
                                                   percore::now() + milliseconds(5));
  fmt::print("asked for 500 ms, given 5: {}\n", late ? *late : late.error().message());
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line("Runs tasks that hand one another what they have made.",
                                    "pipeline");
  unsigned values = 40;
  unsigned only = 0;
  std::size_t capacity = 4;
  bool order = false;
  bool first = false;
  std::string sabotage;
  line.number("--values", values, 1U, 100000U, "how many numbers go through");
  line.number("--capacity", capacity, std::size_t{1}, std::size_t{100000},
              "how many values a channel holds");
  line.number("--only", only, 1U, 1000U, "one run alone, with so many workers: for a picture");
  line.flag("--order", order, "what a channel of one does with three values and a close");
  line.flag("--first", first, "the first of two answers, and answers with a deadline");
  line.sabotage(sabotage, {{"unbounded", "a queue that never says stop"},
                           {"forgotten-close", "nobody says that no more will come"},
                           {"leaves-early", "out at the first exception, while another task runs"},
                           {"late-result", "an answer that is there is thrown away"}});
  if (const auto status = line.parse(argc, argv)) return *status;

  try {
    if (sabotage == "forgotten-close") {
      lesson::forgotten_close();
      return 0;
    }
    percore::Executor executor;
    if (sabotage == "unbounded") {
      lesson::unbounded(executor);
    } else if (sabotage == "leaves-early") {
      lesson::leaves_early(executor);
    } else if (sabotage == "late-result") {
      lesson::late_result(executor);
    } else if (order) {
      executor.run(show_order());
    } else if (first) {
      executor.run(show_first());
    } else if (only != 0) {
      fmt::print("{}\n", executor.run(run_pipeline(values, only, capacity)));
    } else {
      show_pipeline(executor, values, capacity);
    }
  } catch (const percore::RingUnavailable& unavailable) {
    fmt::print(stderr, "pipeline: {}\n", unavailable.what());
    return 3;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "pipeline: {}\n", problem.what());
    return 1;
  }
}
