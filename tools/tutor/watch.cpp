// `watch`: checks at each save. One loop sleeps in poll on the keys, the learner's folders
// (inotify) and signals; it never looks at a clock. A save or a key that comes while a verdict is
// under way ends that verdict.

#include "commands.hpp"
#include "problem.hpp"
#include "supervise.hpp"
#include "terminal.hpp"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

namespace percore::tutor {

namespace {

// The folders of an exercise's files. Folders and not files, because editors replace files.
class FolderWatch {
 public:
  FolderWatch() : descriptor_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    if (descriptor_ < 0) give_up("Files cannot be watched: {} (inotify).", std::strerror(errno));
  }
  ~FolderWatch() { close(descriptor_); }
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }

  void follow(const Exercise& exercise, const fs::path& folder) {
    for (const auto& [number, files] : names_) inotify_rm_watch(descriptor_, number);
    names_.clear();
    for (const std::string& file : exercise.files) {
      const fs::path path = folder / file;
      const int number = inotify_add_watch(descriptor_, path.parent_path().c_str(),
                                           IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_CREATE);
      if (number < 0)
        give_up("{} cannot be watched: {}.", path.parent_path().string(), std::strerror(errno));
      names_[number].push_back(path.filename());
    }
    take();
  }

  // Takes all events; returns whether one of them is about a file of the exercise.
  bool take() {
    bool ours = false;
    alignas(inotify_event) char block[4096];
    for (;;) {
      const ssize_t got = read(descriptor_, block, sizeof block);
      if (got <= 0) return ours;
      for (ssize_t at = 0; at < got;) {
        const auto* event = reinterpret_cast<const inotify_event*>(block + at);
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
        const auto names = names_.find(event->wd);
        if (names == names_.end() || event->len == 0) continue;
        for (const std::string& name : names->second) ours = ours || name == event->name;
      }
    }
  }

 private:
  int descriptor_;
  std::map<int, std::vector<std::string>> names_;
};

class Watch {
 public:
  explicit Watch(Session& session) : session_(session), exercise_(&session.current()) {}

  int run();

 private:
  enum class Event { saved, key, other };

  void enter(const Exercise& exercise);
  void check();
  void draw(const std::string& body);
  void draw_footer();
  Event wait();
  bool press(char key);

  Session& session_;
  const Exercise* exercise_;
  RawTerminal terminal_;
  FolderWatch folders_;
  bool passed_ = false;
  bool dirty_ = true;  // a verdict is due
  bool asked_to_skip_ = false;
  std::size_t hint_ = 0;
};

void Watch::enter(const Exercise& exercise) {
  exercise_ = &exercise;
  session_.go_to(exercise);
  session_.prepare(exercise);
  folders_.follow(exercise, session_.workspace.lesson_folder(exercise));
  passed_ = false;
  asked_to_skip_ = false;
  hint_ = session_.state.at(exercise.number).hints_shown;
  dirty_ = true;
}

void Watch::draw(const std::string& body) {
  // Clears the screen and what was scrolled away, as an editor's terminal pane wants it.
  if (colours_wanted()) fmt::print("\x1b[H\x1b[2J\x1b[3J");
  fmt::print("{}{}", session_.check_again_notice(), body);
  draw_footer();
}

void Watch::draw_footer() {
  fmt::print("\n{}\n", progress_bar(session_.solved_count(),
                                    static_cast<unsigned>(session_.course.exercises().size()),
                                    terminal_columns()));
  fmt::print("Exercise {} {}:", exercise_->number, exercise_->name);
  for (const std::string& file : exercise_->files)
    fmt::print(" {}",
               in_colour(Colour::blue, shown(session_.workspace.lesson_folder(*exercise_) / file,
                                             session_.course.root)));
  const auto key = [](std::string_view letter, std::string_view what) {
    return fmt::format("{}:{}", in_colour(Colour::bold, letter), what);
  };
  fmt::print("\n\n{}{} / {} / {} / {} / {} / {} ? ", passed_ ? key("n", "next") + " / " : "",
             key("h", "hint"), key("t", "task"), key("l", "list"), key("d", "diff"),
             key("r", "check again"), key("q", "quit"));
  std::fflush(stdout);
}

void Watch::check() {
  dirty_ = false;
  folders_.take();
  fmt::print("\nChecking {} ...", exercise_->name);
  std::fflush(stdout);
  give_way_to({folders_.descriptor(), STDIN_FILENO});
  try {
    Judgement judgement = session_.judge(*exercise_);
    passed_ = judgement.kind == VerdictKind::passed;
    judgement.sanitizers_follow = Session::looked_at_twice(*exercise_);
    session_.record(*exercise_, judgement);
    const std::string text = told(judgement, exercise_->number, false);
    const bool untouched = !session_.workspace.changed(*exercise_);
    draw((untouched ? task_text(session_, *exercise_) + "\n" : std::string()) + text);
    if (passed_) {
      fmt::print("\n");
      if (!session_.follow_up(*exercise_, judgement, false)) {
        passed_ = false;
        session_.record(*exercise_, judgement);
      }
      draw_footer();
    }
  } catch (const GaveWay&) {
    // A half-done verdict is none. If it was a key, its handling comes next and the check after it.
    dirty_ = !passed_;
  } catch (const Problem& problem) {
    draw(in_colour(Colour::red, problem.sentence) + "\n");
  }
  give_way_to({});
}

Watch::Event Watch::wait() {
  pollfd wanted[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                     {.fd = folders_.descriptor(), .events = POLLIN, .revents = 0},
                     {.fd = interrupt_descriptor(), .events = POLLIN, .revents = 0}};
  // With a verdict due, only what is already there is taken.
  poll(wanted, std::size(wanted), dirty_ ? 0 : -1);
  throw_if_interrupted();
  if (wanted[0].revents != 0) return Event::key;
  if (wanted[1].revents != 0 && folders_.take()) return Event::saved;
  return Event::other;
}

// Returns false to quit.
bool Watch::press(char key) {
  const bool skip_asked = asked_to_skip_;
  asked_to_skip_ = false;
  switch (key) {
    case 'q':
      return false;
    case 'r':
      dirty_ = true;
      break;
    case 't':
      draw(task_text(session_, *exercise_));
      break;
    case 'l':
      draw(list_text(session_));
      break;
    case 'h':
      if (exercise_->hints.empty()) {
        draw("This exercise has no hints.\n");
        break;
      }
      if (hint_ >= exercise_->hints.size()) hint_ = 0;
      session_.state.of(exercise_->number).hints_shown = std::max(
          session_.state.of(exercise_->number).hints_shown, static_cast<unsigned>(hint_ + 1));
      session_.state.save();
      draw(hint_text(*exercise_, hint_++));
      break;
    case 'd':
      if (colours_wanted()) fmt::print("\x1b[H\x1b[2J\x1b[3J");
      diff_command(session_, exercise_->number, false);
      draw_footer();
      break;
    case 'n': {
      if (!passed_ && !skip_asked) {
        asked_to_skip_ = true;
        draw(
            "Not solved yet. `n` again goes on without it; you can come back with `./tools/percore "
            "check " +
            exercise_->number + "`.\n");
        break;
      }
      const Exercise* next = session_.next_after(*exercise_);
      if (next == nullptr)
        draw("Every exercise is solved. `./tools/percore mine` shows the layers that are yours.\n");
      else
        enter(*next);
      break;
    }
    default:
      break;
  }
  return true;
}

int Watch::run() {
  enter(*exercise_);
  if (!session_.workspace.changed(*exercise_)) draw(task_text(session_, *exercise_));
  for (;;) {
    switch (wait()) {
      case Event::key: {
        char key = 0;
        if (read(STDIN_FILENO, &key, 1) <= 0 || !press(key))
          return EXIT_PASS;  // the terminal is gone, or q
        break;
      }
      case Event::saved:
        // An editor writes in several steps: what follows within a moment belongs to the same save.
        usleep(15'000);
        folders_.take();
        passed_ = false;
        dirty_ = true;
        break;
      case Event::other:
        break;
    }
    if (dirty_) {
      pollfd key = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      if (poll(&key, 1, 0) > 0) continue;  // keys first: q must not wait for a verdict
      check();
    }
  }
}

}  // namespace

int watch_command(Session& session) {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
    refuse("Watching needs a terminal; `./tools/percore check` gives one verdict without it.");
  const int status = Watch(session).run();
  fmt::print("\n");
  return status;
}

}  // namespace percore::tutor
