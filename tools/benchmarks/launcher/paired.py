"""Statistics of runs that took turns.

Figures of one machine drift: by a factor of two within an hour on a shared one. So nothing is compared with a figure of
another run. Programs take turns (A B C, B C A, ...), and the ratio is taken turn by turn before it is summed up.
"""

from dataclasses import dataclass


def median(values):
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values to take the median of")
    middle = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def quantile(values, fraction):
    """The value below which `fraction` of the values lie, by linear interpolation."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values to take a quantile of")
    position = fraction * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


@dataclass(frozen=True)
class Summary:
    """The median and the quartiles of one program's runs."""

    median: float
    low: float
    high: float

    @property
    def spread(self):
        return self.high - self.low


def summarize(values):
    return Summary(median(values), quantile(values, 0.25), quantile(values, 0.75))


@dataclass(frozen=True)
class Comparison:
    """How `a` compares with `b`: the median of their ratios, turn by turn."""

    ratio: float
    low: float
    high: float
    conclusive: bool


def compare(a, b):
    """Compares two programs that took turns. Inconclusive when either one's spread is as large as their difference."""
    if len(a) != len(b):
        raise ValueError(f"runs that took turns come in pairs; there are {len(a)} and {len(b)}")
    summary_a, summary_b = summarize(a), summarize(b)
    ratios = [of_a / of_b for of_a, of_b in zip(a, b)]
    difference = abs(summary_a.median - summary_b.median)
    return Comparison(
        ratio=median(ratios),
        low=quantile(ratios, 0.25),
        high=quantile(ratios, 0.75),
        conclusive=max(summary_a.spread, summary_b.spread) < difference,
    )


def turns(names, runs):
    """The order of `runs` rounds: each starts with the next program, so that none always follows the same one."""
    return [[names[(run + place) % len(names)] for place in range(len(names))] for run in range(runs)]


def goal_met(comparison, goal):
    """True, False, or None where the spread of the ratio leaves it open."""
    if comparison.high <= goal:
        return True
    if comparison.low > goal:
        return False
    return None
