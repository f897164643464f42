"""Exercise 01.label_efficiency: what the pretrained network is worth."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _efficiency_cases(rng: np.random.Generator) -> list[Case]:
    labels = np.array([1, 2, 5, 10, 20, 50])
    scratch = np.array([0.50, 0.60, 0.72, 0.80, 0.86, 0.91]) + np.round(rng.uniform(0, 0.01), 4)
    transfer = np.array([0.66, 0.75, 0.84, 0.89, 0.92, 0.94]) + np.round(rng.uniform(0, 0.01), 4)
    target = float(np.round(rng.uniform(0.77, 0.84), 4))
    return [
        Case("the factor", "two points each", ((np.array([1, 100]), np.array([0.5, 0.9]), np.array([0.7, 0.95]), 0.7),)),
        Case("the factor", "transfer reaches the target earlier", ((labels, scratch, transfer, target),)),
        Case("the factor", "transfer reaches the target later", ((labels, transfer, scratch, target),)),
        Case("unknown stays unknown", "scratch never reaches the target", ((labels, scratch, transfer, 0.93),)),
        Case("unknown stays unknown", "scratch reaches the target at its very last point, so the factor is known",
             ((labels, scratch, transfer, float(scratch[-1])),)),
        Case("unknown stays unknown", "transfer is above the target from the start",
             ((labels, scratch, transfer, 0.62),)),
    ]


def _both_needed(labels, scratch, transfer, target):
    from tlkit.label_efficiency import labels_needed

    return labels_needed(labels, scratch, target), labels_needed(labels, transfer, target)


def _efficiency_upside_down(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return with_it / without


def _efficiency_difference(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return without - with_it


def _efficiency_share(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return 1 - with_it / without


def _efficiency_logarithms(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return np.log(without) / np.log(with_it)


def _efficiency_accuracies(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    at = np.log(without)
    return np.interp(at, np.log(labels), transfer) / target if not np.isnan(without + with_it) else float("nan")


def _efficiency_at_least_one(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return np.maximum(1.0, without / with_it)


def _efficiency_infinite(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return float("inf") if max(scratch) < target and not np.isnan(with_it) else without / with_it


def _efficiency_first_as_bound(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return without / (float(labels[0]) if transfer[0] > target else with_it)


def _efficiency_whole_labels(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return np.ceil(without) / np.ceil(with_it)


def _efficiency_zero(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return float(np.nan_to_num(without / with_it))


def _efficiency_whole_factor(labels, scratch, transfer, target):
    without, with_it = _both_needed(labels, scratch, transfer, target)
    return without // with_it


LABEL_EFFICIENCY = Exercise(
    id="01.label_efficiency",
    title="what the pretrained network is worth",
    name="label_efficiency",
    parameters=("labels", "scratch", "transfer", "target"),
    points=1,
    minutes=4,
    difficulty="easy",
    reference="tlkit.label_efficiency:label_efficiency",
    given={"labels_needed": "tlkit.label_efficiency:labels_needed"},
    cases=_efficiency_cases,
    hint="Two numbers of labels, from `labels_needed`; which one goes on top if saving labels shall give more than 1?",
    misconceptions=(
        Misconception("the ratio is upside down", "Transfer is the hero, so it seems to belong on top.",
                      "If scratch needs 100 labels and transfer 10, the answer is 10.", _efficiency_upside_down),
        Misconception("a difference, not a factor", "Labels saved are a difference too, but 100 against 10 and 1000 "
                      "against 910 are not the same achievement.", "How many times fewer?", _efficiency_difference),
        Misconception("the share that is saved", "“90 % fewer labels” is the same fact in another unit.",
                      "How many times fewer?", _efficiency_share),
        Misconception("a ratio of logarithms", "The interpolation is in logarithms, the result is in labels.",
                      "Divide labels by labels.", _efficiency_logarithms),
        Misconception("never less than 1", "A pretrained network is not expected to cost labels, but on a far task it can.",
                      "What should come out where scratch needs fewer labels?", _efficiency_at_least_one),
        Misconception("infinity where scratch never gets there", "It looks like a division by zero, but more labels than "
                      "were measured might do.", "What is known beyond the largest label count?", _efficiency_infinite),
        Misconception("the smallest label count taken for the crossing", "It is a bound, and a bound looks better than "
                      "nothing, but it is reported as a value.", "How few labels might have been enough?",
                      _efficiency_first_as_bound),
        Misconception("label counts rounded up first", "Nobody can label half an image, but at few labels the rounding "
                      "changes the factor a lot.", "Divide what `labels_needed` returns as it is.", _efficiency_whole_labels),
        Misconception("0 for “unknown”", "A zero is easy to plot, and claims that transfer is worth nothing.",
                      "Which float says “not a number”?", _efficiency_zero),
        Misconception("division that drops the fraction", "`//` looks like a division, and whole numbers come out of it.",
                      "Is the factor 2.5 possible?", _efficiency_whole_factor),
        Misconception("a ratio of accuracies", "It compares heights at the same labels; the question compares labels at the "
                      "same height.", "Read the figure sideways: fix the accuracy.", _efficiency_accuracies),
    ),
)
