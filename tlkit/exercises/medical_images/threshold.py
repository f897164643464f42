"""Exercise 06.threshold: the threshold for a wanted sensitivity."""

import math

import numpy as np

from tlkit.exercises.medical_images.auc import scored
from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    ill, healthy = int(rng.integers(9, 12)), int(rng.integers(15, 20))
    short = [round((count - 3 + 0.3) / count, 4) for count in (ill, healthy)]
    few = np.array([0.8, 0.5, 0.6, 0.9, 0.3]), np.array([1, 1, 0, 0, 1])
    return [
        Case("between two scores", "two of three must be found", ((*few, 0.6),)),
        Case("between two scores", "many patients", ((*scored(rng, ill, healthy), short[0]),)),
        Case("between two scores", "more ill than healthy", ((*scored(rng, healthy, ill), short[1]),)),
        Case("between two scores", "logits", ((*scored(rng, healthy, ill, scale=8.0, shift=-6.0), 0.93),)),
        Case("exactly reached", "three of four", ((*scored(rng, 4, 7), 0.75),)),
        Case("exactly reached", "half", ((*scored(rng, 8, 5), 0.5),)),
        Case("exactly reached", "all of them", ((*scored(rng, ill, healthy), 1.0),)),
        Case("ties", "scores of one decimal", ((*scored(rng, healthy, ill, decimals=1), 0.8),)),
        Case("ties", "all ill patients have the same score", ((np.array([0.7, 0.7, 0.9, 0.7]), np.array([1, 1, 0, 1]), 0.4),)),
        Case("bad input is refused", "one ill patient will do", ((np.array([0.2, 0.4]), np.array([0, 1]), 0.9),)),
        Case("bad input is refused", "nobody is ill", ((*scored(rng, 0, 4), 0.9),), raises="ValueError"),
        Case("bad input is refused", "a sensitivity of 0", ((*few, 0.0),), raises="ValueError"),
        Case("bad input is refused", "a sensitivity above 1", ((*few, 1.5),), raises="ValueError"),
        Case("bad input is refused", "a sensitivity in per cent", ((*few, 90.0),), raises="ValueError"),
    ]


def _checked(answer):
    def checked(scores, labels, sensitivity):
        if not (labels == 1).any() or not 0 < sensitivity <= 1:
            raise ValueError("cannot choose")
        return float(answer(scores, labels, sensitivity))

    return checked


def _needed(count, sensitivity):
    return next(k for k in range(1, count + 1) if k / count >= sensitivity)


@_checked
def _lowest(scores, labels, sensitivity):
    return scores[labels == 1].min()


@_checked
def _lowest_of_all(scores, labels, sensitivity):
    return scores.min()


@_checked
def _strict(scores, labels, sensitivity):
    """The highest of all scores that reaches it with >; below all of them where none does."""
    ill = scores[labels == 1]
    good = [t for t in np.unique(scores) if (ill > t).mean() >= sensitivity]
    return max(good) if good else ill.min() - 1e-3


def _by_specificity(scores, labels, sensitivity):
    return _checked(lambda s, t, wanted: min([x for x in np.unique(s) if (s[t == 0] < x).mean() >= wanted], default=s.max()))(scores, labels, sensitivity)


@_checked
def _quantile(scores, labels, sensitivity):
    return np.quantile(scores[labels == 1], 1 - sensitivity)


@_checked
def _of_all(scores, labels, sensitivity):
    return np.sort(scores)[::-1][_needed(len(scores), sensitivity) - 1]


@_checked
def _rounded_down(scores, labels, sensitivity):
    ill = np.sort(scores[labels == 1])[::-1]
    return ill[max(math.floor(sensitivity * len(ill) + 1e-9), 1) - 1]


@_checked
def _one_further(scores, labels, sensitivity):
    ill = np.sort(scores[labels == 1])[::-1]
    return ill[min(math.floor(sensitivity * len(ill) + 1e-9), len(ill) - 1)]


@_checked
def _healthy(scores, labels, sensitivity):
    side = np.sort(scores[labels == 0])[::-1]
    return side[_needed(len(side), sensitivity) - 1] if len(side) else 0.0


@_checked
def _always_half(scores, labels, sensitivity):
    return 0.5


@_checked
def _precision(scores, labels, sensitivity):
    good = [t for t in np.unique(scores) if (labels[scores >= t] == 1).mean() >= sensitivity]
    return min(good) if good else scores.max()


@_checked
def _youden(scores, labels, sensitivity):
    healthy = scores[labels == 0]
    return max(np.unique(scores), key=lambda t: (scores[labels == 1] >= t).mean() + ((healthy < t).mean() if len(healthy) else 0))


@_checked
def _index(scores, labels, sensitivity):
    return _needed(int((labels == 1).sum()), sensitivity) - 1


@_checked
def _from_below(scores, labels, sensitivity):
    ill = np.sort(scores[labels == 1])
    return ill[_needed(len(ill), sensitivity) - 1]


THRESHOLD = Exercise(
    id="06.threshold",
    title="a threshold for a wanted sensitivity",
    name="threshold_for",
    parameters=("scores", "labels", "sensitivity"),
    points=3,
    minutes=10,
    difficulty="medium",
    reference="tlkit.operating_point:threshold_for",
    cases=_cases,
    equivalent_mutants=dict.fromkeys(
        ("dropped: if len(ill) == 0:\n    raise ValueError('nobody is ill here, so no threshold can be chosen; labels of 1 are needed')",
         "dropped: raise ValueError('nobody is ill here, so no threshold can be chosen; labels of 1 are needed')", "if len(ill) == -1:",
         "if not 0 < sensitivity <= 2:"), "the largest of nothing is a ValueError as well"),
    shrinks=False,
    hint="Sort the scores of the ill from the highest down: how many of them must be at or above the threshold?",
    misconceptions=(
        Misconception("the lowest that reaches it", "Everybody is found then, and many healthy patients are alarmed for it.",
                      "Of all thresholds that find enough, which alarms the fewest?", _lowest),
        Misconception("the lowest of all scores", "Going up from the lowest, the first score already finds everybody.",
                      "Of all thresholds that find enough, which alarms the fewest?", _lowest_of_all),
        Misconception("positive above the threshold, not at it", "Whoever has exactly the threshold's score counts as positive here.",
                      "Is a patient with exactly this score positive?", _strict),
        Misconception("chosen for specificity", "The same rule on the healthy keeps false alarms low and says nothing of who is found.",
                      "Among whom must the share be reached?", _by_specificity),
        Misconception("an interpolated quantile", "Between two scores the quantile invents one; then fewer are found than wanted, or the threshold is not a score.",
                      "Is the threshold one of the scores?", _quantile),
        Misconception("a share of all patients", "Sensitivity looks at the ill alone.", "Among whom must the share be reached?", _of_all),
        Misconception("one patient short", "Rounding down finds fewer than were wanted.", "Does the sensitivity at your threshold reach what was wanted?",
                      _rounded_down),
        Misconception("one patient further than needed", "Counting from 0 makes the place one too large where the share is reached exactly.",
                      "How many of the ill are at or above your threshold?", _one_further),
        Misconception("scores of the healthy", "Labels were taken the other way about.", "Which label is the illness?", _healthy),
        Misconception("one half, as always", "0.5 is where two probabilities are equal; it promises no sensitivity.", "Does the threshold depend on the wanted sensitivity?",
                      _always_half),
        Misconception("precision in place of sensitivity", "The share of the alarms that are right is another question.", "Below the line: those called ill, or those who are?",
                      _precision),
        Misconception("the largest sum of both rates", "Youden's index weighs both kinds of mistake alike, whatever is wanted.",
                      "Does the threshold depend on the wanted sensitivity?", _youden),
        Misconception("the place, not the score", "The place in the sorted list is found; the threshold is what stands there.", "In which unit is a threshold?", _index),
        Misconception("sorted from below", "Then the *lowest* share of the ill lies at or below it.", "Which of the ill are called positive: those above or below?", _from_below),
    ),
)
