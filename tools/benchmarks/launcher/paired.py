"""Statistics of runs that took turns.

Figures of one machine drift: by a factor of two within an hour on a shared one. So nothing is compared with a figure of
another run. Programs take turns, there and back (A B C, C B A, ...), and the ratio is taken turn by turn before it is
summed up.
"""

from dataclasses import dataclass
from math import ceil, comb

CONCLUDING_RUNS_MIN = 3  # fewer conclude nothing
CHANCE_MAX = 1 / 16  # how often pairs that know nothing may agree all the same


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


def pairs_needed(pairs):
    """How many of so many pairs must agree before they say something; None where all of them would not be enough.

    Three quarters is the rule of lesson 07 (G6), for a hundred pairs. Of five, four agree by chance in three cases of eight
    (coins that fall alike), so where pairs are few as many must agree as chance gives at most once in sixteen: all of five,
    eight of nine, and from seventeen on three quarters.
    """
    for needed in range(ceil(pairs * 3 / 4), pairs + 1):
        if 2 * sum(comb(pairs, agreeing) for agreeing in range(needed, pairs + 1)) <= CHANCE_MAX * 2**pairs:
            return needed
    return None


def agree(a, b):
    """Whether the data carries that `a` is less than `b`, pair by pair.

    Three or four pairs all agree by chance too often, in one case of four or eight. There each value of `a` has to be below
    each of `b`, which chance gives in one of ten (2 of the 20 ways in which three of six can be the low ones) or 35.
    """
    if len(a) < CONCLUDING_RUNS_MIN:
        return False
    needed = pairs_needed(len(a))
    if needed is None:
        return max(a) < min(b)
    return sum(of_a < of_b for of_a, of_b in zip(a, b)) >= needed


@dataclass(frozen=True)
class Comparison:
    """How `a` compares with `b`: the median of their ratios, turn by turn."""

    ratio: float
    low: float
    high: float
    conclusive: bool
    pairs: tuple  # ((of a, of b), ...)


def compare(a, b):
    """Compares two programs that took turns. Inconclusive where the pairs do not agree on which of the two is less."""
    if len(a) != len(b):
        raise ValueError(f"runs that took turns come in pairs; there are {len(a)} and {len(b)}")
    ratios = [of_a / of_b for of_a, of_b in zip(a, b)]
    return Comparison(
        ratio=median(ratios),
        low=quantile(ratios, 0.25),
        high=quantile(ratios, 0.75),
        conclusive=agree(a, b) or agree(b, a),
        pairs=tuple(zip(a, b)),
    )


def turns(names, runs):
    """The order of `runs` rounds, there and back: of any two, the one that came first comes second in the next round (G4)."""
    return [list(names) if run % 2 == 0 else list(reversed(names)) for run in range(runs)]


def runs_of(values, turns):
    """What single turns gave, in runs of so many turns: the median of each. A turn that was disturbed then moves nothing."""
    if len(values) % turns != 0:
        raise ValueError(f"{len(values)} turns are no whole number of runs of {turns}")
    return [median(values[first:first + turns]) for first in range(0, len(values), turns)]


def level(comparison, goal):
    """Nobody can tell the two apart, and no more than the goal's margin lies between them, one way or the other."""
    enough = len(comparison.pairs) >= CONCLUDING_RUNS_MIN
    return enough and not comparison.conclusive and goal > 1 and 1 / goal <= comparison.low <= comparison.high <= goal


def goal_met(comparison, goal):
    """Whether the ratio is at most `goal`: True, False, or None where the pairs leave it open.

    What is inconclusive meets nothing, since it may be noise, unless the noise is smaller than what the goal allows.
    """
    if level(comparison, goal):
        return True
    a = [of_a for of_a, _ in comparison.pairs]
    allowed = [goal * of_b for _, of_b in comparison.pairs]
    if comparison.conclusive and agree(a, allowed):
        return True
    if agree(allowed, a):
        return False
    return None


def maximum_kept(values, maximum):
    """The same for a figure by itself: its quartiles must agree."""
    summary = summarize(values)
    if len(values) < CONCLUDING_RUNS_MIN:
        return None
    if summary.high <= maximum:
        return True
    return False if summary.low > maximum else None
