#include <percore/shards.hpp>

#include <percore/assert.hpp>
#include <system_error>

namespace percore {
namespace shards_detail {
namespace {

// Of a sender that can be told where it belongs; other versions of the module learn it in a send.
template <typename Sender>
void use_first(Sender& sender) {
  if constexpr (requires { sender.belongs_here(); }) sender.belongs_here();
}

}  // namespace

void CallList::add(Call& call) noexcept {
  call.before_ = nullptr;
  call.behind_ = first_;
  if (first_ != nullptr) first_->before_ = &call;
  first_ = &call;
}

void CallList::remove(Call& call) noexcept {
  (call.before_ != nullptr ? call.before_->behind_ : first_) = call.behind_;
  if (call.behind_ != nullptr) call.behind_->before_ = call.before_;
}

void CallList::answered(Call& call) noexcept {
  remove(call);
  call.answered_ = true;
  call.caller_.schedule();
}

void CallList::none_will_be_answered() noexcept {
  while (first_ != nullptr) {
    Call& call = *first_;
    remove(call);
    call.caller_.schedule();
  }
}

Link::Link(MeshMember<Call*> calls, MeshMember<Call*> answers, std::size_t capacity)
    : calls_(std::move(calls)), answers_(std::move(answers)) {
  for (std::size_t i = 0; i < count(); ++i) to_.push_back(std::make_unique<Callee>(capacity));
}

void Link::throw_leaving() {
  throw std::system_error(
      EPIPE, std::system_category(),
      "submit_to() was called by a shard that leaves its Shards: leave() is for "
      "when nothing that runs there, for others either, calls any more");
}

void Link::throw_left() {
  throw std::system_error(EPIPE, std::system_category(),
                          "submit_to() asked a shard that has left its Shards");
}

GatePass Link::own_call() {
  Result<GatePass> pass = serving_.enter();
  if (!pass) throw_leaving();
  return *std::move(pass);
}

void Link::send(std::size_t shard, Call& call) {
  // A shard whose executor ends serves no calls, and waits for the answers to its own. Two that end
  // and go on asking one another would wait for ever.
  if (Executor::current().ending()) {
    finished(shard);
    throw std::system_error(ECANCELED, std::system_category(),
                            "submit_to() was called while the caller's executor ends");
  }
  if (leaving_) {
    finished(shard);
    throw_leaving();
  }
  Call* address = &call;
  SharedSender<Call*>& calls = calls_.sender(shard);
  // A shard that goes closes one channel after the other: there may still be room for a call that
  // nobody is left to take the answer of.
  if (to_[shard]->gone || !to_[shard]->serves) {
    finished(shard);
    throw_left();
  }
  bool sent = false;
  try {
    sent = calls.try_send(address);
  } catch (...) {  // its first use, without memory
    finished(shard);
    throw;
  }
  if (!sent) {
    PERCORE_ASSERT(calls.closed(),
                   "a channel of calls has no room for a call that the semaphore let through");
    finished(shard);
    throw_left();
  }
  to_[shard]->unanswered.add(call);
}

void Link::serve(const std::shared_ptr<Link>& link) {
  try {
    for (std::size_t other = 0; other < link->count(); ++other)
      if (other != link->number()) serve_one(link, other);
  } catch (...) {
    // Those that are spawned, and have not begun, hold the link: the others must be told by hand.
    link->close_all();
    throw;
  }
}

void Link::serve_one(const std::shared_ptr<Link>& link, std::size_t other) {
  // The first use of an end, which may find no memory, is here: who joins is told, and a detached
  // task would have nobody to tell. A call may have come; no answer can, since nothing was asked.
  use_first(link->answers_.sender(other));
  const std::optional<Call*> first = link->calls_.receiver(other).try_receive();
  static_cast<void>(link->answers_.receiver(other).try_receive());
  GatePass serving = *link->serving_.enter();
  spawn(serve_calls(link, other, first, std::move(serving))).detach();
  GatePass taking = *link->taking_.enter();
  spawn(take_answers(link, other, std::move(taking))).detach();
}

void Link::close_all() noexcept {
  gave_up_ = true;
  for (std::size_t other = 0; other < count(); ++other) {
    if (other == number()) continue;
    calls_.sender(other).close();
    calls_.receiver(other).close();
    answers_.sender(other).close();
    answers_.receiver(other).close();
  }
}

Task<> Link::serve_calls(std::shared_ptr<Link> link, std::size_t from, std::optional<Call*> first,
                         GatePass serving) {
  Gate running;
  SharedReceiver<Call*>& calls = link->calls_.receiver(from);
  std::optional<Call*> call = first;
  if (!call) call = co_await calls.receive();
  while (call && !link->gave_up_) {  // else whoever asked was told, and its call may be gone
    try {
      GatePass inside = *running.enter();
      spawn(answer(link, from, **call, std::move(inside))).detach();
    } catch (...) {
      (*call)->throws(std::current_exception());
      link->send_answer(from, **call);
    }
    call = co_await calls.receive();
  }
  if (!link->gave_up_ && !calls.drained()) {
    // The executor ends: the other shard is told so, with a null in place of an answer, and asks no
    // more. What it had asked until then is refused: one of ours may wait for what that call gives.
    // Here, and not in a coroutine of its own, for which there might be no memory.
    Call* no_more = nullptr;
    static_cast<void>(link->answers_.sender(from).try_send(no_more));  // false: it has gone
    call = co_await calls.receive_through_end();
    while (call) {
      (*call)->refuse();
      link->send_answer(from, **call);
      call = co_await calls.receive_through_end();
    }
  }
  co_await running.close();
  // Else whoever waits for an answer from here would wait until the executor has ended, which may
  // wait for an answer from there.
  if (Executor::current().ending()) link->answers_.sender(from).close();
  serving.leave();
}

Task<> Link::answer(std::shared_ptr<Link> link, std::size_t to, Call& call, GatePass inside) {
  try {
    co_await call.run();
  } catch (...) {
    call.throws(std::current_exception());
  }
  link->send_answer(to, call);
  inside.leave();
}

void Link::send_answer(std::size_t to, Call& call) {
  Call* address = &call;
  SharedSender<Call*>& answers = answers_.sender(to);
  // False: the caller's executor has gone, and it does not go while it waits for one.
  if (!answers.try_send(address))
    PERCORE_ASSERT(answers.closed(), "a channel of answers has no room for the answer to a call");
}

Task<> Link::take_answers(std::shared_ptr<Link> link, std::size_t from, GatePass taking) {
  SharedReceiver<Call*>& answers = link->answers_.receiver(from);
  CallList& unanswered = link->to_[from]->unanswered;
  for (;;) {
    // A callee writes into its caller's frame: the executor does not end before that is over.
    std::optional<Call*> call;
    if (unanswered.empty())
      call = co_await answers.receive();
    else
      call = co_await answers.receive_through_end();
    if (call && *call == nullptr) {  // it takes no more calls, and waits for the end of ours
      link->to_[from]->serves = false;
      link->calls_.sender(from).close();
    } else if (call) {
      unanswered.answered(**call);
    } else if (unanswered.empty() || answers.drained()) {
      break;
    }
  }
  link->to_[from]->gone = true;
  link->calls_.sender(from).close();
  unanswered.none_will_be_answered();
  taking.leave();
}

Task<> Link::leave(std::shared_ptr<Link> link) {
  const auto each_other = [&link](auto&& what) {
    for (std::size_t other = 0; other < link->count(); ++other)
      if (other != link->number()) what(other);
  };
  link->leaving_ = true;
  each_other([&](std::size_t other) { link->calls_.sender(other).close(); });
  co_await link->serving_.close();
  each_other([&](std::size_t other) { link->answers_.sender(other).close(); });
  co_await link->taking_.close();
}

}  // namespace shards_detail

Task<Result<ShardLink>> Shards::join(std::size_t number) {
  using shards_detail::Link;
  Result<MeshMember<shards_detail::Call*>> calls = co_await calls_.join(number);
  if (!calls) co_return std::unexpected(calls.error());
  Result<MeshMember<shards_detail::Call*>> answers = co_await answers_.join(number);
  if (!answers) co_return std::unexpected(answers.error());
  auto link = std::make_shared<Link>(std::move(*calls), std::move(*answers), capacity_);
  Link::serve(link);
  co_return ShardLink(std::move(link));
}

}  // namespace percore
