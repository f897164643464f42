"""Demonstrations with what learners write: they say so while it is not written, and what stops them if it fails."""

import contextlib
from collections.abc import Iterator
from typing import Any


class NotWritten(Exception):
    """A function that a demonstration calls gives nothing yet."""


def finished(result: Any) -> Any:
    """What a learner's function returned.

    Raises:
        NotWritten: nothing came back, as of a function whose body is still `...`.
    """
    if result is None or result is ...:
        raise NotWritten
    return result


@contextlib.contextmanager
def needs(exercises: str) -> Iterator[None]:
    """A block that uses answers: it ends with a sentence where one of them is not written or fails, and raises nothing.

    Args:
        exercises: which, in words: "exercise 3", "exercises 1 to 3".
    """
    try:
        yield
    except NotWritten:
        print(f"Not yet: {exercises} {'comes' if exercises.startswith('exercise ') else 'come'} first.")
    except Exception as error:
        print(f"This needs {exercises}. It stopped with {type(error).__name__}: {error}")
