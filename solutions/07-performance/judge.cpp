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

/// "B is faster than A." Is it?
Verdict judge(Experiment& experiment) {
  for (unsigned i = 0; i < Experiment::warm_up_runs; ++i) {
    experiment.ns_of_a();
    experiment.ns_of_b();
  }
  unsigned pairs = 0;
  unsigned faster = 0;
  unsigned slower = 0;
  for (; experiment.runs_left() >= 2; ++pairs) {
    double a = 0;
    // The other one first each time: whatever comes every second run meets both.
    const bool a_first = pairs % 2 == 0;
    if (a_first) a = experiment.ns_of_a();
    const double b = experiment.ns_of_b();
    if (!a_first) a = experiment.ns_of_a();
    if (b < a) ++faster;
    if (b > a) ++slower;
  }
  if (4 * faster >= 3 * pairs) return Verdict::faster;
  if (4 * slower >= 3 * pairs) return Verdict::slower;
  return Verdict::inconclusive;
}
