#include "axioms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace percore {

namespace {

using Kind = Instruction::Kind;

// A relation over at most 16 events, as rows of bits.
struct Relation {
  std::vector<unsigned> rows;

  explicit Relation(std::size_t count) : rows(count) {}
  void add(std::size_t a, std::size_t b) { rows[a] |= 1U << b; }
  [[nodiscard]] bool has(std::size_t a, std::size_t b) const { return (rows[a] >> b & 1U) != 0; }
  void close() {
    for (std::size_t k = 0; k < rows.size(); ++k)
      for (unsigned& row : rows)
        if ((row >> k & 1U) != 0) row |= rows[k];
  }
  [[nodiscard]] bool reflexive_somewhere() const {
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (has(i, i)) return true;
    return false;
  }
};

struct Node {
  Kind kind;
  unsigned location;
  unsigned value;
  std::memory_order order;
  int thread;  // -1: an initial store
  [[nodiscard]] bool writes() const { return kind == Kind::store || kind == Kind::exchange; }
  [[nodiscard]] bool reads() const { return kind == Kind::load || kind == Kind::exchange; }
  [[nodiscard]] bool is_sc() const { return thread >= 0 && order == std::memory_order_seq_cst; }
  [[nodiscard]] bool acquires() const {
    return order == std::memory_order_acquire || order == std::memory_order_acq_rel || is_sc();
  }
  [[nodiscard]] bool releases() const {
    return order == std::memory_order_release || order == std::memory_order_acq_rel || is_sc();
  }
};

class Axioms {
 public:
  Axioms(const Program& program, unsigned locations);
  std::set<ProgramOutcome> all();

 private:
  void choose_source(std::size_t reader);
  void choose_orders(unsigned location);
  void judge();
  [[nodiscard]] Relation synchronizes() const;
  [[nodiscard]] bool s_exists(const Relation& hb, const Relation& sw,
                              const Relation& coherence) const;
  [[nodiscard]] std::size_t place(std::size_t store) const;

  std::vector<Node> nodes_;
  Relation sb_;
  std::vector<std::size_t> source_;               // of each reader
  std::vector<std::vector<std::size_t>> orders_;  // of each location's stores
  std::set<ProgramOutcome> found_;
};

Axioms::Axioms(const Program& program, unsigned locations) : sb_(0), orders_(locations) {
  for (unsigned i = 0; i < locations; ++i)
    nodes_.push_back({Kind::store, i, 0, std::memory_order_relaxed, -1});
  for (std::size_t thread = 0; thread < program.size(); ++thread)
    for (const Instruction& it : program[thread])
      nodes_.push_back({it.kind, it.location, it.value, it.order, static_cast<int>(thread)});
  sb_ = Relation(nodes_.size());
  for (std::size_t a = 0; a < nodes_.size(); ++a)
    for (std::size_t b = a + 1; b < nodes_.size(); ++b)
      if (nodes_[a].thread == nodes_[b].thread || nodes_[a].thread < 0)
        if (nodes_[b].thread >= 0) sb_.add(a, b);
  source_.resize(nodes_.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].writes()) orders_[nodes_[i].location].push_back(i);
}

std::set<ProgramOutcome> Axioms::all() {
  choose_source(0);
  return std::move(found_);
}

void Axioms::choose_source(std::size_t reader) {
  while (reader < nodes_.size() && !nodes_[reader].reads()) ++reader;
  if (reader == nodes_.size()) {
    choose_orders(0);
    return;
  }
  for (std::size_t store = 0; store < nodes_.size(); ++store)
    if (store != reader && nodes_[store].writes() &&
        nodes_[store].location == nodes_[reader].location) {
      source_[reader] = store;
      choose_source(reader + 1);
    }
}

// The initial store is always first.
void Axioms::choose_orders(unsigned location) {
  if (location == orders_.size()) {
    judge();
    return;
  }
  auto& order = orders_[location];
  std::sort(order.begin(), order.end());
  do {
    choose_orders(location + 1);
  } while (std::next_permutation(order.begin() + 1, order.end()));
}

std::size_t Axioms::place(std::size_t store) const {
  const auto& order = orders_[nodes_[store].location];
  return static_cast<std::size_t>(std::ranges::find(order, store) - order.begin());
}

// Release operation or fence, a release sequence (the store and the updates that follow it by
// reading), acquire operation or fence.
Relation Axioms::synchronizes() const {
  Relation sw(nodes_.size());
  for (std::size_t read = 0; read < nodes_.size(); ++read) {
    if (!nodes_[read].reads()) continue;
    for (std::size_t head = source_[read];; head = source_[head]) {
      for (std::size_t a = 0; a < nodes_.size(); ++a) {
        const bool fence = nodes_[a].kind == Kind::fence && sb_.has(a, head);
        if (!nodes_[a].releases() || !(a == head || fence)) continue;
        for (std::size_t b = 0; b < nodes_.size(); ++b) {
          const bool fence_behind = nodes_[b].kind == Kind::fence && sb_.has(read, b);
          if (nodes_[b].acquires() && (b == read || fence_behind)) sw.add(a, b);
        }
      }
      if (nodes_[head].kind != Kind::exchange) break;
    }
  }
  return sw;
}

bool Axioms::s_exists(const Relation& hb, const Relation& sw, const Relation& coherence) const {
  const std::size_t count = nodes_.size();
  Relation strongly = sb_;
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t b = 0; b < count; ++b) {
      if (sw.has(a, b) && nodes_[a].is_sc() && nodes_[b].is_sc()) strongly.add(a, b);
      for (std::size_t c = 0; c < count; ++c)
        for (std::size_t d = 0; d < count; ++d)
          if (sb_.has(a, c) && hb.has(c, d) && sb_.has(d, b)) strongly.add(a, b);
    }
  strongly.close();
  Relation s(count);
  const auto sc_fence = [&](std::size_t i) {
    return nodes_[i].kind == Kind::fence && nodes_[i].is_sc();
  };
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t b = 0; b < count; ++b) {
      if (nodes_[a].is_sc() && nodes_[b].is_sc() && strongly.has(a, b)) s.add(a, b);
      if (!coherence.has(a, b)) continue;
      for (std::size_t x = 0; x < count; ++x)
        for (std::size_t y = 0; y < count; ++y) {
          const bool from = (x == a && nodes_[a].is_sc()) || (sc_fence(x) && hb.has(x, a));
          const bool to = (y == b && nodes_[b].is_sc()) || (sc_fence(y) && hb.has(b, y));
          if (from && to) s.add(x, y);
        }
    }
  s.close();
  return !s.reflexive_somewhere();
}

void Axioms::judge() {
  const std::size_t count = nodes_.size();
  Relation causes = sb_;
  Relation coherence(count);
  for (std::size_t a = 0; a < count; ++a) {
    if (nodes_[a].reads()) {
      causes.add(source_[a], a);
      coherence.add(source_[a], a);
      if (nodes_[a].writes() && place(a) != place(source_[a]) + 1) return;  // an update is atomic
    }
    for (std::size_t b = 0; b < count; ++b) {
      if (a == b || !nodes_[b].writes() || nodes_[a].kind == Kind::fence ||
          nodes_[a].location != nodes_[b].location)
        continue;
      const std::size_t at = nodes_[a].writes() ? place(a) : place(source_[a]);
      if (at < place(b)) coherence.add(a, b);
    }
  }
  causes.close();
  coherence.close();
  if (causes.reflexive_somewhere() || coherence.reflexive_somewhere()) return;
  const Relation sw = synchronizes();
  Relation hb = sb_;
  for (std::size_t i = 0; i < count; ++i) hb.rows[i] |= sw.rows[i];
  hb.close();
  if (hb.reflexive_somewhere()) return;
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t b = 0; b < count; ++b)
      if (hb.has(a, b) && coherence.has(b, a)) return;
  if (!s_exists(hb, sw, coherence)) return;
  ProgramOutcome outcome;
  for (std::size_t i = 0; i < count; ++i)
    if (nodes_[i].reads()) outcome.push_back(nodes_[source_[i]].value);
  for (const auto& order : orders_) outcome.push_back(nodes_[order.back()].value);
  found_.insert(std::move(outcome));
}

}  // namespace

std::set<ProgramOutcome> allowed_by_axioms(const Program& program, unsigned locations) {
  return Axioms(program, locations).all();
}

std::string words(const Program& program) {
  static constexpr const char* KINDS[] = {"load", "store", "exchange", "fence"};
  static constexpr const char* ORDERS[] = {"rlx", "con", "acq", "rel", "acq_rel", "sc"};
  std::string out;
  for (const auto& thread : program) {
    for (const Instruction& it : thread)
      out += fmt::format("{} {} {} {}; ", KINDS[static_cast<int>(it.kind)], "xyz"[it.location],
                         it.value, ORDERS[static_cast<int>(it.order)]);
    out += "\n";
  }
  return out;
}

}  // namespace percore
