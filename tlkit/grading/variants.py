"""Mistakes in how arrays meet, found by letting the reference make them: another axis, broadcasting by accident."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tlkit.exercises.record import Exercise
from tlkit.grading.compare import first_difference
from tlkit.grading.encoding import decode, encode
from tlkit.grading.observation import Array
from tlkit.grading.trial import Trial, run_reference
from tlkit.grading.verdict import Diagnosis


def compared(exercise: Exercise, trials: list[Trial]) -> Diagnosis | None:
    """A mistake that the reference makes as well when its inputs are transposed, or paired all with all."""
    single = [t for t in trials if not t.due.failure and not t.mine.failure and len(t.case.calls) == 1]
    failing = [t for t in single if t.problem]
    if exercise.kind != "function" or not failing or any(t.case.upstream is not None for t in failing):
        return None
    if _explains(exercise, single, _transposed):
        return Diagnosis("it works along the other axis", "Rows are treated as columns and columns as rows.",
                         "Which axis counts the examples, and over which one should this step run?")
    if _explains(exercise, failing, _all_pairs):
        return Diagnosis("broadcast by accident: every example meets every other",
                         "Shapes such as (N, 1) and (N,) combine to (N, N) without a word.",
                         "Print the shapes of both sides before they are combined.")
    return None


def _explains(exercise: Exercise, trials: list[Trial], change: Any) -> bool:
    """Whether the answer is the reference on changed inputs, in every one of the trials."""
    return all(any(_agrees(exercise, each, call) for call in change(each.case.calls[0])) for each in trials)


def _agrees(exercise: Exercise, each: Trial, call: tuple) -> bool:
    result = run_reference(exercise, replace(each.case, calls=(call,)))
    if result.failure:
        return False
    mine = each.mine.seen
    sides = [result.seen] + ([result.seen.T] if isinstance(result.seen, np.ndarray) and result.seen.ndim == 2 else [])
    return any(first_difference(side, mine, 10 * exercise.rtol, 10 * exercise.atol) is None for side in sides)


def _transposed(call: tuple) -> Iterator[tuple]:
    arrays = [_matrix(argument) for argument in call]
    if any(a is not None for a in arrays):
        yield tuple(_with(argument, a.T) if a is not None else argument for argument, a in zip(call, arrays))
        for i, a in enumerate(arrays):
            if a is not None:
                yield (*call[:i], _with(call[i], a.T), *call[i + 1:])


def _all_pairs(call: tuple) -> Iterator[tuple]:
    encoded = [encode(argument) for argument in call]
    lengths = [e.data.shape[0] for e in encoded if isinstance(e, Array) and e.data.ndim]
    for length in sorted({n for n in lengths if lengths.count(n) >= 2 and n >= 2}):
        first = True
        changed = []
        for argument, e in zip(call, encoded):
            if isinstance(e, Array) and e.data.ndim and e.data.shape[0] == length:
                data = np.repeat(e.data, length, axis=0) if first else np.concatenate([e.data] * length)
                changed.append(_with(argument, data))
                first = False
            else:
                changed.append(argument)
        yield tuple(changed)


def _matrix(argument: Any) -> np.ndarray | None:
    encoded = encode(argument)
    return encoded.data if isinstance(encoded, Array) and encoded.data.ndim == 2 else None


def _with(argument: Any, data: np.ndarray) -> Any:
    return decode(replace(encode(argument), data=np.ascontiguousarray(data)))
