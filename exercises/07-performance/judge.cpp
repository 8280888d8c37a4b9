#include <vector>

// Exercise 07.2, kind: use. Fill in judge(). Leave the classes as they are: the checker has its own
// machine, with a clock that is simulated. Add what you need above judge().

/// Two pieces of code, A and B, and the machine that you may try them on.
class Experiment {
 public:
  virtual ~Experiment() = default;

  /// Runs A, or B, once, and says how long that took. Other people use the machine, too.
  virtual double ns_of_a() = 0;
  virtual double ns_of_b() = 0;

  /// The machine is yours for so many runs more, of both together. It begins with 300.
  virtual unsigned runs_left() const = 0;

  /// The first so many runs of A, and of B, may find cold caches: they say little of the others.
  static constexpr unsigned warm_up_runs = 50;
};

enum class Verdict { faster, slower, inconclusive };

/// "B is faster than A." Is it? B is called faster, or slower, where at least three quarters of the
/// pairs of runs agree on that; else what was measured does not carry the claim.
Verdict judge(Experiment& experiment) {
  // TODO
  static_cast<void>(experiment);
  return Verdict::inconclusive;
}
