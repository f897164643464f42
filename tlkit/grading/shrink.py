"""The smallest failing case: fewer rows, fewer columns, simpler numbers, as long as the answer fails in the same way."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tlkit.exercises.record import Exercise
from tlkit.grading.encoding import decode, encode
from tlkit.grading.observation import Array
from tlkit.grading.subject import Subject
from tlkit.grading.trial import RAISED, Trial, run, run_reference, trial

SECONDS = 0.5


def shrink(exercise: Exercise, subject: Subject, failing: Trial, stays: Callable[[Trial], bool],
           seconds: float = SECONDS) -> Trial:
    """A trial on a smaller input that fails in the same way; the trial itself where none is found in time.

    Args:
        failing: where the answer went wrong. Cases of one call, with plain data as arguments, shrink.
        stays: (a smaller failing trial) -> whether its diagnosis would be the same.
        seconds: how long to search; an answer that is slow is not asked again.
    """
    if not exercise.shrinks or exercise.kind not in ("function", "figure") or len(failing.case.calls) != 1:
        return failing
    smaller_calls = exercise.shrinks if callable(exercise.shrinks) else smaller
    deadline, best = time.perf_counter() + seconds, failing
    seen: set[tuple] = set()
    progress = failing.mine.seconds + failing.due.seconds < seconds / 5
    while progress:
        progress = False
        call = (*best.case.calls[0], best.case.upstream)
        for candidate in smaller_calls(call):
            if time.perf_counter() > deadline:
                return best
            key = _key(candidate)
            if key in seen or cost(candidate) >= cost(call) or not keeps_its_form(call, candidate):
                continue
            seen.add(key)
            found = _try(exercise, subject, failing, candidate)
            if found and stays(found):
                best, progress = found, True
                break
    return best


def _key(call: tuple) -> tuple:
    """The same for the same arguments only; how they print rounds them."""
    arrays = [_array(argument) for argument in call]
    return tuple(repr(argument) if a is None else (type(argument), a.dtype.str, a.shape, a.tobytes()) for argument, a in zip(call, arrays))


def _try(exercise: Exercise, subject: Subject, failing: Trial, call: tuple) -> Trial | None:
    """The trial on another input, if the reference can do it and the answer fails there as it did."""
    case = replace(failing.case, calls=(call[:-1],), upstream=call[-1])
    due = run_reference(exercise, case)
    if bool(due.failure) != bool(failing.due.failure) or due.failure and due.failure.type_name != failing.due.failure.type_name:
        return None
    found = trial(exercise, case, due, run(exercise, subject, case))
    if found.problem is None or (found.problem.what == RAISED) != (failing.problem.what == RAISED):
        return None
    if found.mine.failure and failing.mine.failure and found.mine.failure.type_name != failing.mine.failure.type_name:
        return None
    for here, there in ((found.problem.got, failing.problem.got), (found.problem.expected, failing.problem.expected)):
        if not _is_finite(here) and _is_finite(there):
            return None
    if _is_nothing(found.problem.expected) and not _is_nothing(failing.problem.expected):
        return None  # where zeros are due, nothing is to be seen
    return found


def _is_nothing(value: Any) -> bool:
    """Whether it is zero, up to rounding."""
    return isinstance(value, float | np.ndarray) and np.asarray(value).dtype.kind == "f" and bool((np.abs(value) < 1e-12).all())


def _is_finite(value: Any) -> bool:
    return not isinstance(value, float | np.ndarray) or np.asarray(value).dtype.kind != "f" or bool(np.isfinite(value).all())


def keeps_its_form(before: tuple, after: tuple) -> bool:
    """Whether arguments that an exercise allows were made into ones that it will allow as well, as far as one can see.

    Lengths that were equal still are; what was above 0, or not below it, still is, as are rows of probabilities; nothing
    became all zeros or False, a row of a mask neither; and of two whole numbers the larger one still is.
    """
    arrays = [(_array(b), _array(a)) for b, a in zip(before, after)]
    arrays = [(b, a) for b, a in arrays if b is not None and a is not None]
    axes = [(i, b.shape[axis], a.shape[axis]) for i, (b, a) in enumerate(arrays) for axis in range(b.ndim)]
    if any(was == also_was and now != also_now for i, was, now in axes for j, also_was, also_now in axes if i < j):
        return False
    numbers = [(b, a) for b, a in zip(before, after) if type(b) is type(a) and type(b) in (int, float)]
    whole = [(b, a) for b, a in numbers if type(b) is int]
    return (all(_has_the_signs_of(np.asarray(b), np.asarray(a)) for b, a in [*arrays, *numbers])
            and all(_has_the_rows_of(b, a) for b, a in arrays)
            and not any(b >= other_b and a < other_a for b, a in whole for other_b, other_a in whole))


def _has_the_signs_of(before: np.ndarray, after: np.ndarray) -> bool:
    if before.dtype.kind not in "biuf" or not before.size:
        return True
    signs = bool((before > 0).all()) <= bool((after > 0).all()) and bool((before >= 0).all()) <= bool((after >= 0).all())
    return signs and (before.ndim == 0 or bool(before.any()) <= bool(after.any()))


def _has_the_rows_of(before: np.ndarray, after: np.ndarray) -> bool:
    if before.dtype.kind == "b" and before.ndim > 1:
        return bool(before.any(axis=-1).all()) <= bool(after.any(axis=-1).all())
    if before.dtype.kind != "f" or not before.size or not (before >= 0).all() or not np.allclose(before.sum(axis=-1), 1):
        return True
    return np.allclose(after.sum(axis=-1), 1)


def smaller(call: tuple) -> Iterator[tuple]:
    """Smaller and simpler versions of a call's arguments, the boldest first."""
    arrays = [_array(argument) for argument in call]
    for axis in (0, 1):
        for length in sorted({a.shape[axis] for a in arrays if a is not None and a.ndim > axis}, reverse=True):
            for keep in _kept(length):
                yield tuple(_with(argument, np.take(a, keep, axis)) if a is not None and a.ndim > axis and a.shape[axis] == length
                            else argument for argument, a in zip(call, arrays))
    for length in sorted({a.shape[axis] for a in arrays if a is not None for axis in range(min(2, a.ndim))}, reverse=True):
        for keep in _kept(length):  # along both axes, where rows of one argument belong to columns of another
            yield tuple(_with(argument, _taken(a, keep, length)) if a is not None else argument for argument, a in zip(call, arrays))
    for i, argument in enumerate(call):
        for simpler in _simpler(argument, arrays[i]):
            yield (*call[:i], simpler, *call[i + 1:])


def _taken(array: np.ndarray, keep: list[int], length: int) -> np.ndarray:
    for axis in range(min(2, array.ndim)):
        array = np.take(array, keep, axis) if array.shape[axis] == length else array
    return array


def _kept(length: int) -> Iterator[list[int]]:
    """Which entries to keep along an axis: a half, or all but one."""
    everything = list(range(length))
    if length > 3:
        yield everything[: length // 2]
        yield everything[length // 2:]
    if 1 < length <= 24:
        for left_out in reversed(everything):
            yield everything[:left_out] + everything[left_out + 1:]


def _simpler(argument: Any, array: np.ndarray | None) -> Iterator[Any]:
    if array is not None and array.size and array.dtype.kind == "f":
        for simple in (np.zeros_like(array), np.ones_like(array), np.rint(array), np.round(array, 1), np.round(array, 2)):
            yield _with(argument, simple)
    if array is not None and array.dtype.kind in "fiu" and 0 < array.size <= 12:
        for position in np.ndindex(array.shape):
            for value in (0, 1, np.rint(array[position]), np.round(array[position], 1)):
                changed = array.copy()
                changed[position] = value
                yield _with(argument, changed)
    if type(argument) is int:
        yield from (value for value in (0, 1, 2, argument // 2, argument - 1) if abs(value) < abs(argument))
    if type(argument) is float:
        yield from (0.0, 1.0, float(np.rint(argument)), round(argument, 1), round(argument, 2))


def cost(call: tuple) -> tuple[int, int]:
    """How much there is to read: first how many numbers, then how many characters they take."""
    values = [np.asarray(a if a is not None else 0) for a in (_array(x) if _array(x) is not None else x for x in call)]
    return sum(v.size for v in values), sum(len(f"{number:g}") if isinstance(number, float) else len(str(number))
                                           for v in values for number in v.ravel().tolist()[:2_000])


def _array(argument: Any) -> np.ndarray | None:
    encoded = encode(argument)
    return encoded.data if isinstance(encoded, Array) and encoded.data.ndim else None


def _with(argument: Any, data: np.ndarray) -> Any:
    """The same kind of array or tensor with other numbers."""
    return decode(replace(encode(argument), data=np.asarray(data)))
