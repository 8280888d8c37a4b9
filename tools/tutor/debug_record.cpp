#include "debug_record.hpp"

#include <charconv>

namespace percore::tutor {

namespace {

class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  std::string_view next() {
    const std::size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return word;
  }
  template <typename Number = std::uint64_t>
  Number number(int base = 10) {
    Number value{};
    const std::string_view word = next();
    std::from_chars(word.data(), word.data() + word.size(), value, base);
    return value;
  }
  std::vector<std::uint64_t> addresses() {
    std::vector<std::uint64_t> out;
    while (!rest_.empty()) out.push_back(number(16));
    return out;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

class Reader {
 public:
  DebugRecord read(const std::string& text) {
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t end = rest.find('\n');
      if (end == rest.npos) break;  // cut off
      take(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    end_step();
    return std::move(record_);
  }

 private:
  void take(std::string_view line) {
    Words words(line);
    const std::string_view what = words.next();
    if (what == "B") {
      end_step();
      begin_run(words.number(16));
    } else if (what == "E") {
      end_step();
      begin_step(words);
    } else if (what == "F") {
      const std::uint64_t address = words.number(16);
      frames_[address] = std::make_shared<std::vector<std::uint64_t>>(words.addresses());
    } else if (what == "G") {
      frames_.erase(words.number(16));
    } else if (step_open_) {
      describe(what, words);
    }
  }

  void begin_run(std::uint64_t start) {
    record_.program_start = start;
    run_is_new_ = true;
    frames_.clear();
    submitted_.clear();
  }

  void begin_step(Words& words) {
    // A session that was begun and thrown away at once is not what one wants to see.
    if (run_is_new_) record_.steps.clear();
    run_is_new_ = false;
    step_open_ = true;
    step_ = {};
    step_.time = words.number<std::int64_t>();
    step_.operation = words.number();
    step_.ring = words.number<unsigned>();
    step_.executor = words.number<unsigned>();
    step_.kind = words.next();
    step_.words = words.rest();
    if (step_.kind == "submitted") submitted_[step_.operation] = step_.time;
  }

  void describe(std::string_view what, Words& words) {
    if (what == "R") {
      RingState& ring = step_.rings.emplace_back();
      for (unsigned RingState::* field :
           {&RingState::number, &RingState::filled, &RingState::handed, &RingState::entries,
            &RingState::ready, &RingState::completions, &RingState::overflow})
        ring.*field = words.number<unsigned>();
    } else if (what == "O") {
      OperationState& one = step_.in_flight.emplace_back();
      one.id = words.number();
      one.ring = words.number<unsigned>();
      one.state = words.next();
      one.opcode = words.next();
      one.fd = words.number<int>();
      one.user_data = words.number(16);
      one.due = words.number<std::int64_t>();
      one.result = words.number<int>();
      const auto known = submitted_.find(one.id);
      one.since = known == submitted_.end() ? step_.time : known->second;
    } else if (what == "Q") {
      step_.queue = words.addresses();
    } else if (what == "S") {
      step_.stack = words.addresses();
    }
  }

  void end_step() {
    if (!step_open_) return;
    step_open_ = false;
    step_.frames = frames_;
    record_.steps.push_back(std::move(step_));
  }

  DebugRecord record_;
  bool run_is_new_ = true, step_open_ = false;
  DebugStep step_;
  std::map<std::uint64_t, FrameWords> frames_;
  std::map<std::uint64_t, std::int64_t> submitted_;
};

}  // namespace

DebugRecord read_debug_record(const fs::path& path) {
  return Reader().read(read_if_there(path).value_or(""));
}

}  // namespace percore::tutor
