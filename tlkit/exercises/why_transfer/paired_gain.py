"""Exercise 01.paired_gain: the gain, and how sure one is."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _gain_cases(rng: np.random.Generator) -> list[Case]:
    def pair(seeds, gain):
        difficulty = rng.uniform(-0.1, 0.1, seeds)
        scratch = np.round(0.75 + difficulty, 4)
        return np.round(scratch + gain + rng.uniform(-0.02, 0.02, seeds), 4), scratch

    few, many = int(rng.integers(4, 7)), int(rng.integers(15, 25))
    return [
        Case("mean and error of the differences", "two seeds", ((np.array([0.9, 0.8]), np.array([0.7, 0.7])),)),
        Case("mean and error of the differences", "draws of very different difficulty", (pair(many, 0.08),)),
        Case("a loss is a loss", "transfer does worse", (pair(few, -0.05),)),
        Case("one seed says nothing about spread", "a single seed", (pair(1, 0.1),)),
    ]


def _gain_unpaired(transfer, scratch):
    return transfer.mean() - scratch.mean(), np.sqrt((transfer.var(ddof=1) + scratch.var(ddof=1)) / len(transfer))


def _gain_deviation(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std(ddof=1)


def _gain_population(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std() / np.sqrt(len(difference))


def _gain_default_deviation(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std()


def _gain_reversed(transfer, scratch):
    difference = scratch - transfer
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))


def _gain_absolute(transfer, scratch):
    difference = np.abs(transfer - scratch)
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))


def _gain_relative(transfer, scratch):
    difference = (transfer - scratch) / scratch
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))


def _gain_over_n(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std(ddof=1) / len(difference)


def _gain_certain(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else 0.0


def _gain_unknown(transfer, scratch):
    if len(transfer) < 2:
        return float("nan"), float("nan")
    return _gain_certain(transfer, scratch)


def _gain_one_less_twice(transfer, scratch):
    difference = transfer - scratch
    if len(difference) < 2:
        return difference[0], float("nan")
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference) - 1)


def _gain_sorted(transfer, scratch):
    return _gain_right_error(np.sort(transfer) - np.sort(scratch), np.mean)


def _gain_median(transfer, scratch):
    return _gain_right_error(transfer - scratch, np.median)


def _gain_right_error(difference, centre):
    error = difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else float("nan")
    return centre(difference), error


def _gain_variance(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.var(ddof=1) / np.sqrt(len(difference))


PAIRED_GAIN = Exercise(
    id="01.paired_gain",
    title="the gain, and how sure you are",
    name="paired_gain",
    parameters=("transfer", "scratch"),
    points=2,
    minutes=8,
    difficulty="medium",
    reference="tlkit.comparison:paired_gain",
    cases=_gain_cases,
    equivalent_mutants=dict.fromkeys(
        (
            "difference = np.asarray(transfer) - np.asarray(scratch, float)",
            "difference = np.asarray(transfer, float) - np.asarray(scratch)",
        ),
        "the cases give arrays of floats",
    ) | dict.fromkeys(
        (
            "error = np.sqrt(np.sum((difference - difference.mean()) ** 2) / (seeds - 1) / seeds)" + condition
            for condition in ("", " if seeds >= 1 else np.nan", " if seeds > -1 else np.nan")
        ),
        "0 / 0 is nan as well",
    ),
    hint="Subtract seed by seed first; everything else is about those differences.",
    misconceptions=(
        Misconception("0 for the unknown error", "A single number does not spread, but neither does it say how much others would.",
                      "What does the exercise ask for with a single seed?", _gain_certain),
        Misconception("the gain is thrown away with its error", "One unknown number spoils its neighbour, but the gain of one "
                      "seed is known.", "Which of the two numbers is unknown with a single seed?", _gain_unknown),
        Misconception("the variance in place of the deviation", "The two are a square root apart, and it is easily lost.",
                      "How many square roots does the formula have?", _gain_variance),
        Misconception("the two methods are treated as unrelated", "Two means with two spreads is the textbook's first "
                      "comparison, but here each seed gave both methods the same examples.",
                      "Subtract seed by seed before you measure any spread.", _gain_unpaired),
        Misconception("standard deviation for standard error", "One says how much single seeds differ, the other how sure "
                      "you are of their mean.", "What should happen to it with a hundred times as many seeds?",
                      _gain_deviation),
        Misconception("divided by S, not by S - 1", "`np.std` does so by default; it forgets that the mean was estimated "
                      "from the same numbers.", "Look up `ddof`, and ask what one seed can say.", _gain_population),
        Misconception("standard deviation for standard error, and divided by S", "`np.std` is at hand and sounds right, but it "
                      "says how much single seeds differ, and takes S where S - 1 is due.",
                      "Compare with the formula: which two square roots does it have, and what stands below each?",
                      _gain_default_deviation),
        Misconception("S - 1 in both places", "One degree of freedom is lost to the mean, and it is easily taken off twice.",
                      "Compare with the formula: what stands below each of its two square roots?", _gain_one_less_twice),
        Misconception("sorted before subtracting", "Sorted curves look comparable, but then a difference is of two "
                      "different seeds.", "What do the two entries at one place share?", _gain_sorted),
        Misconception("the median of the differences", "It minds outliers less, but the error that is given beside it is "
                      "that of the mean.", "What does the bar above the d in the formula mean?", _gain_median),
        Misconception("scratch minus transfer", "Either order is a difference, but a gain is positive when transfer wins.",
                      "What sign should it have when transfer is better?", _gain_reversed),
        Misconception("losses counted as gains", "A difference without its sign says how far, not who won.",
                      "Try a case in which transfer does worse.", _gain_absolute),
        Misconception("a relative gain", "Percent of percent: 0.75 to 0.80 is 0.05 here, not 0.067.",
                      "A plain difference is due.", _gain_relative),
        Misconception("divided by S, not by its square root", "Variances shrink with S, deviations with its root.",
                      "Where does the S stand: under the root or outside?", _gain_over_n),
    ),
)
