// Executions of the memory model, an event at a time. The invariants are in model.hpp.

#include "model.hpp"

#include <cstdio>
#include <cstdlib>

namespace percore::explore {

namespace {

// The finaliser of MurmurHash3 (Appleby, public domain): every bit of the input moves half of the
// output's.
constexpr std::uint64_t mixed(std::uint64_t x) noexcept {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdU;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53U;
  return x ^ (x >> 33);
}

constexpr std::uint64_t packed(EventId id) noexcept {
  return std::uint64_t{id.thread} << 32 | id.number;
}

constexpr std::uint64_t LOAD = 0x10a0'0000'0000'0000, PLACE = 0x20a0'0000'0000'0000;

}  // namespace

void Location::reset(std::uint64_t new_key) noexcept {
  key = new_key;
  stores.clear();
  order.clear();
  loads.clear();
  for (auto& of_thread : seen) of_thread.clear();
}

void Model::begin() {
  for (ThreadView& thread : threads_) thread = {};
  used_ = 0;
  sc_.begin();
  hash_ = {};
}

// A sum, so that the order in which events were added does not matter; two lanes, so that a
// coincidence is out of the question for as many states as fit in memory.
void Model::add_to_hash(std::uint64_t a, std::uint64_t b) noexcept {
  const std::uint64_t low = mixed(mixed(a) + b * 0x9e3779b97f4a7c15U);
  hash_.low += low;
  hash_.high += mixed(low ^ mixed(b + 0x6a09e667f3bcc909U));
}

void Model::remove_from_hash(std::uint64_t a, std::uint64_t b) noexcept {
  const std::uint64_t low = mixed(mixed(a) + b * 0x9e3779b97f4a7c15U);
  hash_.low -= low;
  hash_.high -= mixed(low ^ mixed(b + 0x6a09e667f3bcc909U));
}

EventId Model::tick(unsigned thread) noexcept {
  ThreadView& view = threads_[thread];
  view.strongly.clock[thread] = view.now.clock[thread];  // what came before in the same thread
  return {thread, ++view.now.clock[thread]};
}

std::uint32_t Model::make_location(unsigned thread, std::uint64_t key, std::uint64_t value,
                                   std::source_location where) {
  if (used_ == locations_.size()) locations_.emplace_back();
  Location& at = locations_[used_];
  at.reset(key);
  Store first;
  first.id = thread == THREADS_MAX ? EventId{} : tick(thread);
  first.value = value;
  first.where = where;
  at.made = first.id;
  at.order.push_back(0);
  at.stores.push_back(first);
  if (thread != THREADS_MAX)
    at.seen[thread].push_back({.event = first.id.number, .store = 0, .loaded = false});
  return used_++;
}

bool Model::was_made(unsigned thread, std::uint32_t location) const noexcept {
  const EventId made = locations_[location].made;
  return threads_[thread].now.has(made.thread, made.number);
}

// Coherence: the newest of the location's values that happened before (CoRR, CoWR, CoRW, CoWW of
// [intro.races]). Nothing older may be read, and no new store may stand before it.
Model::Bound Model::oldest(const Location& at, const View& view) const noexcept {
  Bound out{.place = 0, .loaded = false};
  for (unsigned thread = 0; thread < THREADS_MAX; ++thread) {
    const auto& seen = at.seen[thread];
    for (auto it = seen.rbegin(); it != seen.rend(); ++it) {
      if (!view.has(thread, it->event)) continue;
      const std::uint32_t place = at.stores[it->store].place;
      if (place > out.place)
        out = {.place = place, .loaded = it->loaded};
      else if (place == out.place)
        out.loaded |= it->loaded;
      break;
    }
  }
  return out;
}

View Model::after_acquire(unsigned thread, const Store& from,
                          std::memory_order order) const noexcept {
  View out = threads_[thread].now;
  if (acquires(order)) out.join(from.released);
  return out;
}

ScSet Model::strongly_before(unsigned thread) const noexcept {
  ScSet out = 0;
  for (unsigned node = 0; node < sc_.size(); ++node)
    if (threads_[thread].strongly.has(sc_.thread(node), sc_.event(node))) out |= ScSet{1} << node;
  return out;
}

namespace {

// The ends of all accesses that are coherence-ordered before (or after) a new one: stores up to
// place `stores_before`, and loads of stores up to `loads_before`, both exclusive.
struct Around {
  ScSet before = 0;
  ScSet behind = 0;
};

Around around(const Location& at, std::uint32_t stores_before, std::uint32_t loads_before,
              bool loads_between) noexcept {
  Around out;
  for (const Store& store : at.stores) {
    if (store.place < stores_before)
      out.before |= store.ends.from;
    else
      out.behind |= store.ends.to;
  }
  for (const Load& load : at.loads) {
    const std::uint32_t place = at.stores[load.store].place;
    if (place < loads_before)
      out.before |= load.ends.from;
    else if (!loads_between || place > loads_before)
      out.behind |= load.ends.to;  // loads of the same store are not ordered among themselves
  }
  return out;
}

}  // namespace

// A load of the store at place p: stores before p+1, loads before p (those of p are not ordered).
// A store at place p: stores before p, loads before p, and all the others behind.
bool Model::sc_allows(unsigned thread, const Location& at, std::memory_order order,
                      std::uint32_t stores_before, std::uint32_t loads_before,
                      const View& view) const noexcept {
  if (sc_.size() == 0) return true;
  const bool is_sc = order == std::memory_order_seq_cst;
  const Around others = around(at, stores_before, loads_before, stores_before == loads_before + 1);
  return sc_.allows(view.fences, is_sc ? others.before | strongly_before(thread) : 0,
                    others.behind);
}

ScEnds Model::sc_add(unsigned thread, const Location& at, std::memory_order order, ScSet strongly,
                     std::uint32_t stores_before, std::uint32_t loads_before) {
  const bool is_sc = order == std::memory_order_seq_cst;
  if (sc_.size() == 0 && !is_sc) return {};
  const Around others = around(at, stores_before, loads_before, stores_before == loads_before + 1);
  ScEnds ends{.from = threads_[thread].now.fences, .to = 0};
  if (is_sc) {
    const ScSet into = others.before | strongly;
    const ScSet self = ScSet{1} << sc_.add(thread, threads_[thread].now.clock[thread]);
    sc_.precede(into, self);
    ends.from |= self;
    ends.to |= self;
  }
  sc_.precede(ends.from, others.behind);
  return ends;
}

void Model::readable(unsigned thread, std::uint32_t location, std::memory_order order, bool update,
                     std::vector<std::uint32_t>& out) {
  out.clear();
  const Location& at = locations_[location];
  const std::uint32_t from = oldest(at, threads_[thread].now).place;
  for (auto place = static_cast<std::uint32_t>(at.order.size()); place-- > from;) {
    const std::uint32_t index = at.order[place];
    const Store& store = at.stores[index];
    if (update && store.updated) continue;
    const std::uint32_t loads_before = update ? place + 1 : place;
    if (sc_allows(thread, at, order, place + 1, loads_before, after_acquire(thread, store, order)))
      out.push_back(index);
  }
}

void Model::places(unsigned thread, std::uint32_t location, std::memory_order order,
                   std::vector<std::uint32_t>& out) {
  out.clear();
  const Location& at = locations_[location];
  const View& view = threads_[thread].now;
  const std::uint32_t oldest_place = oldest(at, view).place;
  const auto end = static_cast<std::uint32_t>(at.order.size());
  for (std::uint32_t place = end; place > oldest_place; --place) {
    const bool splits = place < end && at.stores[at.order[place]].update;
    if (!splits && sc_allows(thread, at, order, place, place, view)) out.push_back(place);
  }
}

// Learns what the store released. Strongly happens before grows by what was sequenced before each
// release that is now known, not by these releases themselves ([intro.races] p11).
void Model::acquire(unsigned thread, const Store& from, std::memory_order order) noexcept {
  ThreadView& view = threads_[thread];
  if (!acquires(order)) {
    view.to_acquire.join(from.released);
    return;
  }
  view.now.join(from.released);
  for (unsigned i = 0; i < THREADS_MAX; ++i)
    if (from.released.clock[i] > view.strongly.clock[i] + 1)
      view.strongly.clock[i] = from.released.clock[i] - 1;
}

View Model::released_by(unsigned thread, std::memory_order order) const noexcept {
  return releases(order) ? threads_[thread].now : threads_[thread].release_fence;
}

void Model::load(unsigned thread, std::uint32_t location, std::memory_order order,
                 std::uint32_t store) {
  Location& at = locations_[location];
  const std::uint32_t place = at.stores[store].place;
  const ScSet strongly = strongly_before(thread);  // what this load acquires comes too late for it
  acquire(thread, at.stores[store], order);
  const ScEnds ends = sc_add(thread, at, order, strongly, place + 1, place);
  const EventId id{thread, threads_[thread].now.clock[thread]};
  at.loads.push_back({.id = id, .store = store, .ends = ends});
  at.seen[thread].push_back({.event = id.number, .store = store, .loaded = true});
  add_to_hash(packed(id) | LOAD, packed(at.stores[store].id) ^ at.key);
}

std::uint32_t Model::insert(Location& at, Store store, std::uint32_t place) {
  const auto index = static_cast<std::uint32_t>(at.stores.size());
  const EventId id = store.id;
  const EventId before = at.stores[at.order[place - 1]].id;
  if (place < at.order.size()) {
    const EventId behind = at.stores[at.order[place]].id;
    remove_from_hash(packed(before) | PLACE, packed(behind) ^ at.key);
    add_to_hash(packed(id) | PLACE, packed(behind) ^ at.key);
  }
  add_to_hash(packed(before) | PLACE, packed(id) ^ at.key);
  store.place = place;
  at.stores.push_back(store);
  at.order.insert(at.order.begin() + place, index);
  for (std::size_t i = place + 1; i < at.order.size(); ++i)
    at.stores[at.order[i]].place = static_cast<std::uint32_t>(i);
  at.seen[id.thread].push_back({.event = id.number, .store = index, .loaded = false});
  return index;
}

std::uint32_t Model::store(unsigned thread, std::uint32_t location, std::memory_order order,
                           std::uint64_t value, std::uint32_t place, std::source_location where) {
  Location& at = locations_[location];
  Store made;
  made.id = {thread, threads_[thread].now.clock[thread]};
  made.value = value;
  made.order = order;
  made.where = where;
  made.released = released_by(thread, order);
  made.ends = sc_add(thread, at, order, strongly_before(thread), place, place);
  return insert(at, made, place);
}

std::uint32_t Model::update(unsigned thread, std::uint32_t location, std::memory_order order,
                            std::uint32_t read, std::uint64_t value, std::source_location where) {
  Location& at = locations_[location];
  const std::uint32_t place = at.stores[read].place + 1;
  const View inherited = at.stores[read].released;  // updates carry a release sequence on
  const ScSet strongly = strongly_before(thread);
  acquire(thread, at.stores[read], order);
  Store made;
  made.id = {thread, threads_[thread].now.clock[thread]};
  made.value = value;
  made.order = order;
  made.update = true;
  made.where = where;
  made.released = released_by(thread, order);
  made.released.join(inherited);
  made.ends = sc_add(thread, at, order, strongly, place, place);
  at.stores[read].updated = true;
  add_to_hash(packed(made.id) | LOAD, packed(at.stores[read].id) ^ at.key);
  return insert(at, made, place);
}

void Model::fence(unsigned thread, std::memory_order order) {
  ThreadView& view = threads_[thread];
  ScSet into = strongly_before(thread);
  if (acquires(order)) {
    view.now.join(view.to_acquire);
    for (unsigned i = 0; i < THREADS_MAX; ++i)
      if (view.to_acquire.clock[i] > view.strongly.clock[i] + 1)
        view.strongly.clock[i] = view.to_acquire.clock[i] - 1;
  }
  if (order == std::memory_order_seq_cst) {
    const ScSet self = ScSet{1} << sc_.add(thread, view.now.clock[thread]);
    for (std::uint32_t i = 0; i < used_; ++i) {
      Location& at = locations_[i];
      const Bound newest = oldest(at, view.now);
      // What is coherence-ordered before anything that happened before this fence.
      into |=
          around(at, newest.loaded ? newest.place + 1 : newest.place, newest.place, newest.loaded)
              .before;
      for (Store& store : at.stores)
        if (view.now.has(store.id.thread, store.id.number)) store.ends.to |= self;
      for (Load& load : at.loads)
        if (view.now.has(load.id.thread, load.id.number)) load.ends.to |= self;
    }
    sc_.precede(into, self);
    view.now.fences |= self;
  }
  if (releases(order)) view.release_fence = view.now;
}

void Model::start_thread(unsigned thread, unsigned by) noexcept {
  threads_[thread] = {};
  threads_[thread].now = threads_[by].now;
  threads_[thread].strongly = threads_[by].now;
}

void Model::join_thread(unsigned thread, unsigned by) noexcept {
  tick(thread);  // its end: the plain accesses after its last event come before this
  threads_[by].now.join(threads_[thread].now);
  threads_[by].strongly.join(threads_[thread].now);
}

}  // namespace percore::explore
