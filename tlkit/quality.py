"""How good a model is on one split: from its plain outputs to metrics with intervals.

Axes: N examples, C classes or labels.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial

import numpy as np
from scipy.special import expit, softmax

from tlkit import metrics
from tlkit.errors import TlkitError
from tlkit.evaluation import Interval, bootstrap_interval
from tlkit.spans import entity_counts

LOWER_IS_BETTER = frozenset({"ECE", "MSE", "perplexity", "symbol error rate"})
UNITS = {"token classification": "tokens", "generation": "texts", "speech": "sequences"}


@dataclass(frozen=True)
class ClassScore:
    """One class: its share among what was taken for it, the share of it that was found, their F1, and its examples."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class CalibrationBin:
    """The examples whose confidence lies in (low, high]: how many, their mean confidence, and the share that is right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """How good a model is on one split.

    Args:
        kind: of the task (`tlkit.data.split.KINDS`).
        count: N, examples that were judged: tokens, in token classification.
        metrics: name -> value with its bootstrap interval. Those in `LOWER_IS_BETTER` are better when smaller.
        per_class: a score of each class; empty where there are no classes.
        confusion: how often each class (row) was taken for each (column), C x C; empty where it makes no sense.
        calibration: confidence against being right, in bins of equal width, without the empty ones; empty where it makes no sense.
    """

    kind: str
    count: int
    metrics: dict[str, Interval]
    per_class: tuple[ClassScore, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    calibration: tuple[CalibrationBin, ...] = field(default=(), repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their numbers."""
        return tuple(score.name for score in self.per_class)

    @property
    def unit(self) -> str:
        """What was counted: "examples", "tokens", ..."""
        return UNITS.get(self.kind, "examples")

    def to_dict(self) -> dict:
        """The evaluation as dictionaries, lists, numbers and strings; `from_dict` gives it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict) -> "Evaluation":
        """The evaluation that `to_dict` wrote, also after a way through JSON."""
        return cls(
            kind=fields["kind"],
            count=fields["count"],
            metrics={name: Interval(**interval) for name, interval in fields["metrics"].items()},
            per_class=tuple(ClassScore(**score) for score in fields["per_class"]),
            confusion=tuple(tuple(row) for row in fields["confusion"]),
            calibration=tuple(CalibrationBin(**each) for each in fields["calibration"]),
        )


def evaluate_outputs(
    kind: str, outputs, targets, classes: Sequence[str] = (), seed: int = 0, groups=None, resamples: int = 1000
) -> Evaluation:
    """Judge a model's outputs by the metrics that belong to the kind of task, each with its bootstrap interval.

    Args:
        kind: what `outputs` and `targets` are, and what is measured:

            - "classification": logits (N, C), class numbers (N,). Accuracy, balanced accuracy, macro F1, AUC (of two
              classes: of the second; else each class against the rest, mean), ECE; of two classes also F1 of the second.
            - "multi-label": logits (N, C), 0 and 1 (N, C). A label is predicted where its logit is above 0. Micro and
              macro F1, AUC (mean over labels), and the accuracy of whole examples, all of whose labels are right.
            - "regression": values (N,), values (N,). MSE, R2.
            - "token classification": logits (N, C) of the tokens that are scored, tag numbers (N,). Token accuracy, macro
              F1 over all tags but "O", ECE; where the classes are BIO tags and `groups` says which sentence each token is of
              (in order), also F1, precision and recall of whole entities (`tlkit.spans`, scheme "strict").
            - "generation": each text's cross-entropy summed over its scored tokens, and how many of them were
              predicted rightly (N, 2); its number of scored tokens (N,). Perplexity, token accuracy.
            - "speech": the symbols that were recognised and those that were said, a sequence of N sequences each.
              Symbol error rate (edits over symbols said), and the accuracy of whole sequences.
        classes: names of the C classes, labels or tags.
        seed: of the resamples.
        groups: what belongs together and is resampled together (`bootstrap_interval`), (N,).
    Raises:
        TlkitError: unknown kind, no examples, shapes that do not fit, labels out of range, outputs that are no numbers.
    """
    if kind not in _JUDGES:
        raise TlkitError(f"kind={kind!r} must be one of {', '.join(_JUDGES)}")
    if len(outputs) != len(targets) or len(targets) == 0:
        raise TlkitError(f"{kind} needs as many targets as outputs, 1 or more, and got {len(targets)} and {len(outputs)}")
    interval = partial(bootstrap_interval, resamples=resamples, seed=seed, groups=groups)
    if kind != "speech":
        outputs, targets = np.asarray(outputs), np.asarray(targets)
        _refuse_unfit(kind, outputs, targets, classes)
    found = _JUDGES[kind](outputs, targets, tuple(classes), interval)
    if kind == "token classification" and groups is not None and are_bio(classes):
        between = partial(bootstrap_interval, resamples=resamples, seed=seed)
        return replace(found, metrics={**_of_entities(outputs.argmax(axis=1), targets, classes, groups, between), **found.metrics})
    return found


def _classification(logits, targets, classes, interval) -> Evaluation:
    predicted, probabilities = logits.argmax(axis=1), softmax(logits.astype(float), axis=1)
    found = {
        "accuracy": interval(metrics.accuracy, predicted, targets),
        "balanced accuracy": interval(metrics.balanced_accuracy, predicted, targets),
        "macro F1": interval(metrics.f1_macro, predicted, targets),
    }
    if len(classes) == 2:
        # The difference of logits orders examples as the probability does, and does not round to 1.
        found["F1"] = interval(metrics.f1_binary, predicted, targets)
        found["AUC"] = interval(metrics.auc, logits[:, 1] - logits[:, 0], targets)
    else:
        found["AUC"] = interval(metrics.auc_macro, probabilities, targets)
    return _of_classes("classification", found, predicted, probabilities, targets, classes, interval)


def _token_classification(logits, targets, classes, interval) -> Evaluation:
    predicted, probabilities = logits.argmax(axis=1), softmax(logits.astype(float), axis=1)
    outside = classes.index("O") if "O" in classes else None
    found = {
        "token accuracy": interval(metrics.accuracy, predicted, targets),
        "macro F1": interval(partial(metrics.f1_macro, without=outside), predicted, targets),
    }
    return _of_classes("token classification", found, predicted, probabilities, targets, classes, interval)


def are_bio(classes: Sequence[str]) -> bool:
    """Whether the classes are tags of entities: O, and B- and I- of types."""
    return "O" in classes and len(classes) > 1 and all(name == "O" or name[:2] in ("B-", "I-") for name in classes)


def _of_entities(predicted, targets, classes, sentence, interval) -> dict[str, Interval]:
    """F1, precision and recall of whole entities; resamples are of sentences."""
    names, starts = np.asarray(classes), np.flatnonzero(np.diff(sentence, prepend=np.nan) != 0)
    ours, theirs = ([part.tolist() for part in np.split(names[side], starts[1:])] for side in (predicted, targets))
    right, named, there = entity_counts(ours, theirs)
    return {
        "entity F1": interval(metrics.ratio, 2 * right, named + there),
        "entity precision": interval(metrics.ratio, right, named),
        "entity recall": interval(metrics.ratio, right, there),
    }


def _of_classes(kind, found, predicted, probabilities, targets, classes, interval) -> Evaluation:
    """What all kinds with one class an example share: calibration, scores of classes, confusion."""
    from sklearn.metrics import confusion_matrix

    found["ECE"] = interval(metrics.expected_calibration_error, probabilities, targets)
    bins = tuple(CalibrationBin(*each) for each in metrics.calibration_bins(probabilities, targets))
    confusion = confusion_matrix(targets, predicted, labels=range(len(classes)))
    matrix = tuple(map(tuple, confusion.tolist()))
    return Evaluation(kind, len(targets), found, _scores(predicted, targets, classes), matrix, bins)


def _multi_label(logits, targets, classes, interval) -> Evaluation:
    predicted, targets = (logits > 0).astype(int), targets.astype(int)
    found = {
        "micro F1": interval(metrics.f1_micro, predicted, targets),
        "macro F1": interval(metrics.f1_macro, predicted, targets),
        "AUC": interval(metrics.auc_macro, expit(logits.astype(float)), targets),
        "accuracy of whole examples": interval(metrics.accuracy, predicted, targets),
    }
    return Evaluation("multi-label", len(targets), found, _scores(predicted, targets, classes))


def _regression(predicted, targets, classes, interval) -> Evaluation:
    predicted, targets = predicted.astype(float), targets.astype(float)
    found = {
        "MSE": interval(metrics.mean_squared_error, predicted, targets),
        "R2": interval(metrics.r_squared, predicted, targets),
    }
    return Evaluation("regression", len(targets), found)


def _generation(sums, tokens, classes, interval) -> Evaluation:
    found = {
        "perplexity": interval(metrics.perplexity, sums[:, 0], tokens),
        "token accuracy": interval(metrics.ratio, sums[:, 1], tokens),
    }
    return Evaluation("generation", len(tokens), found)


def _speech(recognised, said, classes, interval) -> Evaluation:
    recognised, said = ([np.asarray(each).tolist() for each in side] for side in (recognised, said))
    edits = np.array([metrics.edit_distance(*pair) for pair in zip(said, recognised, strict=True)])
    found = {
        "symbol error rate": interval(metrics.ratio, edits, np.array([len(each) for each in said])),
        "accuracy of whole sequences": interval(metrics.accuracy, edits, np.zeros_like(edits)),
    }
    return Evaluation("speech", len(said), found)


_JUDGES = {
    "classification": _classification,
    "multi-label": _multi_label,
    "regression": _regression,
    "token classification": _token_classification,
    "generation": _generation,
    "speech": _speech,
}


def _scores(predicted, targets, classes) -> tuple[ClassScore, ...]:
    scores = metrics.class_scores(predicted, targets, len(classes))
    return tuple(ClassScore(name, *score) for name, score in zip(classes, scores, strict=True))


def _refuse_unfit(kind: str, outputs: np.ndarray, targets: np.ndarray, classes: Sequence[str]) -> None:
    """Raise where shapes, labels or numbers are not what `evaluate_outputs` says."""
    size, names = len(targets), len(classes)
    expected = {"regression": ((size,), (size,)), "generation": ((size, 2), (size,)), "multi-label": ((size, names),) * 2}
    shapes = expected.get(kind, ((size, names), (size,)))
    if (outputs.shape, targets.shape) != shapes:
        raise TlkitError(f"{kind} with {names} classes needs outputs {shapes[0]} and targets {shapes[1]}, "
                         f"and got {outputs.shape} and {targets.shape}")
    if not np.isfinite(outputs).all():
        raise TlkitError(f"{np.count_nonzero(~np.isfinite(outputs))} of the outputs are NaN or infinite, so nothing can be judged")
    if kind in ("classification", "token classification") and not 0 <= targets.min() <= targets.max() < names:
        raise TlkitError(f"labels must lie between 0 and {names - 1}, and these lie between {targets.min()} and {targets.max()}")
