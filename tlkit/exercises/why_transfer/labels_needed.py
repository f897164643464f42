"""Exercise 01.labels_needed: the learning curve, read sideways."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _needed_cases(rng: np.random.Generator) -> list[Case]:
    labels = np.array([1, 2, 5, 10, 20, 50]) * int(rng.integers(1, 4))
    curve = np.round(np.sort(rng.uniform(0.5, 0.95, 6)) + np.arange(6) * 0.004, 4)
    i = int(rng.integers(2, 4))
    inside = float(np.round(0.3 * curve[i] + 0.7 * curve[i + 1], 5))
    dip = np.array([0.60, 0.74, 0.81, 0.78, 0.86, 0.90]) + np.round(rng.uniform(0, 0.004), 4)
    dips = "between neighbours, in log labels"
    more, longer = np.append(labels, labels[-1] * np.array([2, 5])), np.array([0.5, 0.55, 0.6, 0.7, 0.82, 0.78, 0.86, 0.9])
    high, low = np.round(0.7 + rng.uniform(0, 0.02), 3), np.round(0.6 + rng.uniform(0, 0.02), 3)
    return [
        Case(dips, "two points and a target half-way", ((np.array([1, 100]), np.array([0.5, 0.9]), 0.7),)),
        Case(dips, "a target between two measured points", ((labels, curve, inside),)),
        Case("a measured point is its own answer", "the target is exactly a measured accuracy",
             ((labels, curve, float(curve[i])),)),
        Case("a measured point is its own answer", "the target is the first measured accuracy",
             ((labels, curve, float(curve[0])),)),
        Case("a measured point is its own answer", "the target is the last measured accuracy",
             ((labels, curve, float(curve[-1])),)),
        Case("unknown outside the measured range", "a target just inside of it",
             ((labels, curve, float(np.round(0.2 * curve[-2] + 0.8 * curve[-1], 5))),)),
        Case("unknown outside the measured range", "the target is never reached",
             ((labels, curve, float(curve[-1] + 0.02)),)),
        Case("unknown outside the measured range", "the curve starts above the target",
             ((labels, curve, float(curve[0] - 0.05)),)),
        Case("the first crossing counts", "the curve dips and reaches the target twice", ((labels, dip, 0.80),)),
        Case("the first crossing counts", "a longer curve dips and reaches the target twice", ((more, longer, 0.80),)),
        Case("the first crossing counts", "the curve dips just before it first reaches the target",
             ((labels[:4], np.array([0.5, high, low, 0.8]), 0.75),)),
        Case("the first crossing counts", "a later point is exactly the target",
             ((labels[:4], np.array([0.5, 0.8, high, 0.85]), float(high)),)),
        Case("the first crossing counts", "the curve reaches the target and ends below it",
             ((labels[:3], np.array([0.60, 0.85, 0.80]), 0.83),)),
        Case("the first crossing counts", "the curve starts above the target and dips below it",
             ((labels[:4], np.array([0.80, 0.70, 0.75, 0.90]), 0.78),)),
    ]


def _crossing(labels, accuracy, target, to=np.log, back=np.exp):
    for i in range(len(labels) - 1):
        if accuracy[i] <= target <= accuracy[i + 1] and accuracy[i] < accuracy[i + 1]:
            if (accuracy[:i] > target).any():
                return float("nan")
            share = (target - accuracy[i]) / (accuracy[i + 1] - accuracy[i])
            return float(back(to(labels[i]) + share * (to(labels[i + 1]) - to(labels[i]))))
    return float("nan")


def _needed_linear(labels, accuracy, target):
    return _crossing(labels, accuracy, target, to=float, back=float)


def _needed_clamped(labels, accuracy, target):
    if accuracy[0] > target:
        return float(labels[0])
    if accuracy.max() < target:
        return float(labels[-1])
    return _crossing(labels, accuracy, target)


def _needed_extrapolated(labels, accuracy, target):
    inside = _crossing(labels, accuracy, target)
    if not np.isnan(inside):
        return inside
    ends = slice(0, 2) if accuracy[0] > target else slice(-2, None)
    (a, b), (log_a, log_b) = accuracy[ends], np.log(labels[ends])
    return float(np.exp(log_a + (target - a) / (b - a) * (log_b - log_a)))


def _needed_next_measured(labels, accuracy, target):
    if accuracy[0] > target or accuracy.max() < target:
        return float("nan")
    return float(labels[np.argmax(accuracy >= target)])


def _needed_last_crossing(labels, accuracy, target):
    for i in reversed(range(len(labels) - 1)):
        if accuracy[i] <= target <= accuracy[i + 1]:
            share = (target - accuracy[i]) / (accuracy[i + 1] - accuracy[i])
            return float(labels[i] ** (1 - share) * labels[i + 1] ** share)
    return float("nan")


def _needed_interp(labels, accuracy, target):
    return float(np.exp(np.interp(target, accuracy, np.log(labels), left=np.nan, right=np.nan)))


def _needed_logarithm(labels, accuracy, target):
    return float(np.log(_crossing(labels, accuracy, target)))


def _needed_zero(labels, accuracy, target):
    found = _crossing(labels, accuracy, target)
    return 0.0 if np.isnan(found) else found


def _needed_strictly(labels, accuracy, target):
    return float("nan") if np.any(accuracy == target) else _first_crossing(labels, accuracy, target)


def _needed_unchecked(labels, accuracy, target):
    after = int(np.argmax(accuracy >= target))
    share = (target - accuracy[after - 1]) / (accuracy[after] - accuracy[after - 1])
    return float(labels[after - 1] ** (1 - share) * labels[after] ** share)


def _first_crossing(labels, accuracy, target):
    after = int(np.argmax(accuracy >= target))
    if after == 0:
        return float("nan")
    share = (target - accuracy[after - 1]) / (accuracy[after] - accuracy[after - 1])
    return float(labels[after - 1] ** (1 - share) * labels[after] ** share)


def _needed_smoothed(labels, accuracy, target):
    return _crossing(labels, np.maximum.accumulate(accuracy), target)


def _needed_ends_below(labels, accuracy, target):
    return float("nan") if accuracy[-1] < target else _crossing(labels, accuracy, target)


def _needed_any_upward(labels, accuracy, target):
    if target in accuracy:
        return _crossing(labels, accuracy, target)
    for i in range(len(labels) - 1):
        if accuracy[i] < target < accuracy[i + 1]:
            return _crossing(labels[i:], accuracy[i:], target)
    return float("nan")


def _needed_not_the_first(labels, accuracy, target):
    return float("nan") if accuracy[0] == target else _crossing(labels, accuracy, target)


def _needed_exact_anywhere(labels, accuracy, target):
    return float(labels[np.argmax(accuracy == target)]) if target in accuracy else _crossing(labels, accuracy, target)


def _needed_sorted(labels, accuracy, target):
    order = np.argsort(accuracy, kind="stable")
    return float(np.exp(np.interp(target, accuracy[order], np.log(labels)[order], left=np.nan, right=np.nan)))


def _needed_whole(labels, accuracy, target):
    # A measured point comes out of its logarithm a little too large at times.
    return float(np.ceil(np.round(_crossing(labels, accuracy, target), 9)))


def _smaller_curves(call):
    """Fewer points and rounder numbers that leave the target where it was: between points, on one, above or below all."""
    labels, accuracy, target, upstream = call
    every = range(len(labels))
    candidates = [(labels[kept], accuracy[kept], target) for kept in ([j for j in every if j != i] for i in every) if kept]
    for digits in (1, 2):
        candidates += [(labels, np.round(accuracy, digits), round(target, digits)), (labels, np.round(accuracy, digits), target)]
    candidates.append((labels, accuracy, round(target, 2)))
    candidates.append((10 ** np.arange(len(labels)), accuracy, target))
    for smaller in candidates:
        if _place(*smaller[1:]) == _place(accuracy, target):
            yield (*smaller, upstream)


def _place(accuracy, target):
    """Where a curve first reaches the target, whether it is exactly there, and whether it is so again later."""
    reached = accuracy >= target
    if not reached.any():
        return "never"
    first = int(np.argmax(reached))
    return first == 0, bool(accuracy[first] == target), bool((accuracy[first + 1:] == target).any())


LABELS_NEEDED = Exercise(
    id="01.labels_needed",
    title="how many labels for this accuracy?",
    name="labels_needed",
    parameters=("labels", "accuracy", "target"),
    points=3,
    minutes=12,
    difficulty="medium",
    reference="tlkit.label_efficiency:labels_needed",
    cases=_needed_cases,
    equivalent_mutants={
        **dict.fromkeys(
            (
                "dropped: labels, accuracy = (np.asarray(labels, float), np.asarray(accuracy, float))",
                "labels, accuracy = (np.asarray(labels), np.asarray(accuracy, float))",
                "labels, accuracy = (np.asarray(labels, float), np.asarray(accuracy))",
            ),
            "the cases give arrays",
        ),
        "if accuracy[i] <= target <= accuracy[i + 1]:": "a point that equals the target was found one step before",
    },
    rtol=1e-6,
    shrinks=_smaller_curves,
    hint="Find the first pair of neighbours with the target between them, then interpolate between the logarithms.",
    misconceptions=(
        Misconception("a crossing is taken for granted", "`argmax` of a mask is 0 where nothing is true, and index -1 is the "
                      "last point.", "Which two cases have no crossing at all?", _needed_unchecked),
        Misconception("a target that was measured exactly is missed", "`<` on both sides leaves out the points themselves.",
                      "What comes out where the target is one of the measured accuracies?", _needed_strictly),
        Misconception("interpolated in labels, not in their logarithm", "A straight line between two points is the first "
                      "thing to try, but the step from 1 to 2 labels is worth as much as that from 50 to 100.",
                      "Interpolate log labels, then undo the logarithm.", _needed_linear),
        Misconception("the measured range's end instead of “unknown”", "`np.interp` repeats the last value outside of its "
                      "range without a word.", "What can be said about an accuracy that was never reached?",
                      _needed_clamped),
        Misconception("extrapolated beyond the measurements", "A straight line goes on for ever; learning curves do not.",
                      "Return nan where nothing was measured.", _needed_extrapolated),
        Misconception("the next measured count, not interpolated", "It is a safe upper bound, but half-way between 5 and 10 "
                      "labels is not 10.", "Use both neighbours of the crossing.", _needed_next_measured),
        Misconception("the last crossing, not the first", "Searching from the far end finds a crossing too.",
                      "Which label count was enough first?", _needed_last_crossing),
        Misconception("`np.interp` on a curve that dips", "`np.interp` expects increasing values and does not check; "
                      "measured accuracies wobble.", "Search for the crossing yourself.", _needed_interp),
        Misconception("interpolated on the best accuracy so far", "More labels should not hurt, so the dip is smoothed away, "
                      "and with it the point where the line really starts.",
                      "Which accuracy was measured just before the crossing?", _needed_smoothed),
        Misconception("unknown because the last point is below the target", "The last point usually is the highest, and "
                      "then it tells whether the target is reached.", "Can a curve that wobbles reach the target and end "
                      "below it?", _needed_ends_below),
        Misconception("a start above the target goes unnoticed", "The search looks for a step from below to above, and "
                      "finds one after a dip.", "What is known when the first point is already above the target?",
                      _needed_any_upward),
        Misconception("the first measured point is not looked at", "The search runs over pairs of neighbours, and the "
                      "first point has none before it.", "What comes out where the target is exactly the first accuracy?",
                      _needed_not_the_first),
        Misconception("an exact match before an earlier crossing", "Looking for the target among the measurements comes "
                      "to mind first, but the curve may have passed it before.",
                      "Which label count was enough first?", _needed_exact_anywhere),
        Misconception("points sorted by accuracy", "`np.interp` wants increasing values, and sorting provides them, but it "
                      "makes neighbours of points that are none.", "Between which two measured points does the curve cross?",
                      _needed_sorted),
        Misconception("rounded up to whole labels", "Nobody can label half an image, but the curve is a model, and its "
                      "crossing lies where it lies.", "Does the text ask for a whole number?", _needed_whole),
        Misconception("the logarithm is not undone", "The interpolation is right, and its result is still a logarithm.",
                      "Which function undoes `np.log`?", _needed_logarithm),
        Misconception("0 for “unknown”", "Zero labels is a claim, and a bold one.", "Which float says “not a number”?",
                      _needed_zero),
    ),
)
