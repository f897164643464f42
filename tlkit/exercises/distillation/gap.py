"""Exercise 10.gap: which share of the gap is closed?"""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def draw(mean, seeds, spread=0.04):
        return np.round(np.clip(mean + spread * rng.normal(size=seeds), 0.01, 0.99), 2)

    def call(alone, distilled, teacher, seeds=4):
        return tuple(draw(mean, seeds) for mean in (alone, distilled, teacher))

    some = int(rng.integers(5, 8))
    return [
        Case("a share of the gap", "one seed", (tuple(np.array([value]) for value in (0.6, 0.75, 0.9)),)),
        Case("a share of the gap", "two seeds", ((np.array([0.5, 0.7]), np.array([0.8, 0.8]), np.array([0.9, 0.92])),)),
        Case("a share of the gap", f"{some} seeds", (call(0.6, 0.8, 0.95, some),)),
        Case("means before the ratio", "one seed with a small gap", ((np.array([0.5, 0.88]), np.array([0.7, 0.84]), np.array([0.9, 0.9])),)),
        Case("means before the ratio", "one seed with no gap at all", ((np.array([0.5, 0.9, 0.6]), np.array([0.7, 0.85, 0.7]), np.array([0.9, 0.9, 0.9])),)),
        Case("means before the ratio", "one seed whose teacher is worse", ((np.array([0.5, 0.9]), np.array([0.8, 0.8]), np.array([0.9, 0.85])),)),
        Case("means before the ratio", "other numbers of seeds", ((draw(0.6, 3), draw(0.7, 5), draw(0.9, 2)),)),
        Case("beyond the ends", "better than the teacher", (call(0.5, 0.95, 0.8),)),
        Case("beyond the ends", "worse than alone", (call(0.7, 0.5, 0.95),)),
        Case("no gap", "there is one here", (call(0.6, 0.7, 0.8),)),
        Case("no gap", "a very small gap is one", ((np.array([0.8, 0.801]), np.array([0.801, 0.8005]), np.array([0.801, 0.801])),)),
        Case("no gap", "the teacher is as good as the student alone", ((np.array([0.5, 0.75]), np.array([0.75, 0.75]), np.array([0.75, 0.5])),)),
        Case("no gap", "the teacher is worse", (call(0.9, 0.8, 0.6),)),
    ]


def _means(alone, distilled, teacher):
    return (float(np.mean(values)) for values in (alone, distilled, teacher))


def _share(ratio, undefined=float("nan"), no_gap=lambda a, t: t <= a):
    def gap_closed(alone, distilled, teacher):
        a, d, t = _means(alone, distilled, teacher)
        return undefined if no_gap(a, t) else ratio(a, d, t)

    return gap_closed


def _mean_of_ratios(alone, distilled, teacher):
    a, d, t = (np.asarray(values, float)[: min(map(len, (alone, distilled, teacher)))] for values in (alone, distilled, teacher))
    if np.mean(teacher) <= np.mean(alone):
        return float("nan")
    with np.errstate(all="ignore"):
        return float(np.mean((d - a) / (t - a)))


def _mean_of_defined_ratios(alone, distilled, teacher):
    a, d, t = (np.asarray(values, float)[: min(map(len, (alone, distilled, teacher)))] for values in (alone, distilled, teacher))
    there = t > a
    return float(np.mean((d - a)[there] / (t - a)[there])) if there.any() else float("nan")


def _medians(alone, distilled, teacher):
    a, d, t = (float(np.median(values)) for values in (alone, distilled, teacher))
    return (d - a) / (t - a) if t > a else float("nan")


def _divides_by_nothing(alone, distilled, teacher):
    a, d, t = _means(alone, distilled, teacher)
    with np.errstate(all="ignore"):
        return float(np.float64(d - a) / np.float64(t - a))


def _raises(alone, distilled, teacher):
    a, d, t = _means(alone, distilled, teacher)
    if t <= a:
        raise ValueError("no gap")
    return (d - a) / (t - a)


def _best_seeds(alone, distilled, teacher):
    a, d, t = (float(np.max(values)) for values in (alone, distilled, teacher))
    return (d - a) / (t - a) if t > a else float("nan")


def _right(a, d, t):
    return (d - a) / (t - a)


def _sums(alone, distilled, teacher):
    a, d, t = (float(np.sum(values)) for values in (alone, distilled, teacher))
    return (d - a) / (t - a) if t > a else float("nan")


def _cut_to_the_shortest(alone, distilled, teacher):
    seeds = min(map(len, (alone, distilled, teacher)))
    return _share(_right)(alone[:seeds], distilled[:seeds], teacher[:seeds])


def _nan_for_one_seed(alone, distilled, teacher):
    if len(alone) == len(teacher) and (np.asarray(teacher) <= np.asarray(alone)).any():
        return float("nan")
    return _share(_right)(alone, distilled, teacher)


GAP = Exercise(
    id="10.gap",
    title="the share of the gap",
    name="gap_closed",
    parameters=("alone", "distilled", "teacher"),
    points=3,
    minutes=7,
    difficulty="medium",
    reference="tlkit.agreement:gap_closed",
    cases=_cases,
    shrinks=False,
    hint="Three means first; then ask whether there is a gap at all.",
    misconceptions=(
        Misconception("the mean of ratios", "Seed by seed sounds fair; but a seed with a tiny gap has a huge ratio, and rules the mean.",
                      "What is the ratio of a seed in which the teacher is hardly better?", _mean_of_ratios),
        Misconception("the mean of the ratios that exist", "Seeds without a gap are left out, which is a choice by the result.",
                      "Are means taken before or after the division?", _mean_of_defined_ratios),
        Misconception("what is left of the gap", "The numerator begins at the teacher.", "What should a student get that is as good as its teacher?",
                      _share(lambda a, d, t: (t - d) / (t - a))),
        Misconception("a share of the teacher's accuracy", "It is reported often, and is high before anything was learned from the teacher.",
                      "What should a student get that distillation did not help?", _share(lambda a, d, t: d / t)),
        Misconception("the gain, not a share", "The gain is not yet compared with what could be gained.", "By what is the gain divided?", _share(lambda a, d, t: d - a)),
        Misconception("the gain relative to alone", "That is how much better it is, not how much of the way it went.", "What should a student get that is as good as its teacher?",
                      _share(lambda a, d, t: (d - a) / a)),
        Misconception("the gain relative to the teacher", "The whole way begins at the student alone, not at 0.", "Where does the way begin?",
                      _share(lambda a, d, t: (d - a) / t)),
        Misconception("upside down", "Ratios have two ends.", "What should a student get that distillation did not help?",
                      _share(lambda a, d, t: (t - a) / (d - a))),
        Misconception("0 where there is no gap", "Nothing was closed; but there was nothing to close, and 0 says that distillation failed.",
                      "What is 0 divided by 0?", _share(_right, undefined=0.0)),
        Misconception("1 where there is no gap", "The student is as good as its teacher; but it was so before.", "What is 0 divided by 0?", _share(_right, undefined=1.0)),
        Misconception("None where there is no gap", "In Python it says that nothing is there; but a column of numbers cannot hold it.",
                      "Which float says “not a number”?", _share(_right, undefined=None)),
        Misconception("a small gap is taken for none", "A share of very little says very little; but the exercise asks for nan only where there is no gap.",
                      "Is a teacher better that has 0.801 where the student alone has 0.8?", _share(_right, no_gap=lambda a, t: t - a < 0.01)),
        Misconception("cut to the shortest", "Seeds need no partner here: each side has a mean of its own.", "How many of the accuracies of each side count?",
                      _cut_to_the_shortest),
        Misconception("a share of the errors of the student alone", "The way that is measured ends at the teacher, not at 1.",
                      "What should a student get that is as good as its teacher?",
                      _share(lambda a, d, t: (d - a) / (1 - a))),
        Misconception("a negative gap is divided by", "Worse than alone divided by worse than alone looks like success.",
                      "What does the ratio say where the teacher is worse than the student alone?", _divides_by_nothing),
        Misconception("only an exact zero is no gap", "The way to a teacher who is worse leads down.",
                      "What does the ratio say where the teacher is worse than the student alone?", _share(_right, no_gap=lambda a, t: t == a)),
        Misconception("an error where there is no gap", "It is no mistake in the input: a table with several settings wants nan there.",
                      "What does the exercise ask for where there is no gap?", _raises),
        Misconception("cut to between 0 and 1", "A share, one thinks; but harm and success beyond the teacher are findings.",
                      "What should a student get that is worse than alone?", _share(lambda a, d, t: min(max(_right(a, d, t), 0.0), 1.0))),
        Misconception("cut at 1", "A student can be better than its teacher.", "What should a student get that is better than its teacher?",
                      _share(lambda a, d, t: min(_right(a, d, t), 1.0))),
        Misconception("cut at 0", "Distillation can do harm.", "What should a student get that is worse than alone?", _share(lambda a, d, t: max(_right(a, d, t), 0.0))),
        Misconception("in percent", "Reports print it that way.", "What should a student get that is as good as its teacher?", _share(lambda a, d, t: 100 * _right(a, d, t))),
        Misconception("medians", "Less moved by one seed, and another number.", "Which middle does the formula take?", _medians),
        Misconception("the best seed of each", "Luck on all three sides.", "What is to be expected of another seed?", _best_seeds),
        Misconception("sums in place of means", "With as many seeds each they give the same ratio.", "What if one of them has more seeds than another?", _sums),
        Misconception("nan if one seed has no gap", "Whether there is a gap is asked of the means.", "Is there a gap between the means?", _nan_for_one_seed),
        Misconception("nan where distillation did harm", "Harm is a result, and its sign says so.", "What should a student get that is worse than alone?",
                      _share(lambda a, d, t: _right(a, d, t) if d >= a else float("nan"))),
        Misconception("the gap without its sign", "A teacher who is worse is no teacher to reach.", "What is there to close where the teacher is worse than the student alone?",
                      _share(lambda a, d, t: (d - a) / abs(t - a), no_gap=lambda a, t: t == a)),
        Misconception("harm without its sign", "The size of a change does not say in which direction it went.", "What should a student get that is worse than alone?",
                      _share(lambda a, d, t: abs(d - a) / (t - a))),
        Misconception("divided by what is left", "The whole way goes from the student alone to the teacher.", "What should a student get that is as good as its teacher?",
                      _share(lambda a, d, t: float(np.float64(d - a) / (t - d)) if t != d else float("inf"))),
    ),
)
