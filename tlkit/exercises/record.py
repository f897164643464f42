"""An exercise is data: what to write, what it is compared with, and how people get it wrong.

The same record drives the feedback that a learner reads, the test of the grader itself
(`tlkit verify`) and the report on a class. A new exercise is one record and no other code.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """One situation that an answer must get right.

    Args:
        group: what a learner gets partial credit for; every case belongs to one group.
        what: the situation in a few words, shown when it fails: "one class has more examples than another".
        calls: the positional arguments of one or more successive calls, as plain data and arrays.
        keeps_random_state: whether an answer that moves a global random state fails this case.
    """

    group: str
    what: str
    calls: tuple[tuple, ...]
    keeps_random_state: bool = False


@dataclass(frozen=True)
class Misconception:
    """An executable wrong answer.

    Args:
        name: what went wrong, as a learner should read it: "drawn with replacement".
        why: one sentence, why a sensible person thinks so.
        hint: one sentence that points the way without giving the answer.
        answer: a function with the exercise's signature that makes this mistake.
    """

    name: str
    why: str
    hint: str
    answer: Callable


@dataclass(frozen=True)
class Exercise:
    """A function that the learner writes.

    Args:
        id: "UNIT.name", as in `check("01.sample")`.
        name: the name that the learner defines.
        parameters: the parameters' names, in order; answers are called by position.
        reference: "module:function" of the library function that the learner rebuilds.
        cases: (generator) -> cases; the generator decides values and sizes, so that another seed
            gives hidden cases of the same kinds.
        view: what of the returned values counts, one value for each call of a case; by default all of it.
            A function with many right answers (a random draw) shows through its view what they share.
        rtol, atol: how far a right answer may be away, relative and absolute.
        given: name -> "module:function" of earlier exercises that this one builds on; it is judged with the
            library's own, so that a mistake there does not count twice.
        shortcuts: "module:function" of calls that would be the whole answer.
        equivalent_mutants: mutated source lines that are right too, each with its reason.
    """

    id: str
    title: str
    name: str
    parameters: tuple[str, ...]
    points: float
    minutes: int
    difficulty: str
    reference: str
    cases: Callable[[np.random.Generator], list[Case]]
    misconceptions: tuple[Misconception, ...]
    hint: str
    view: Callable[[list, tuple[tuple, ...]], Any] | None = None
    rtol: float = 1e-6
    atol: float = 1e-9
    given: dict[str, str] = field(default_factory=dict)
    shortcuts: tuple[str, ...] = ()
    equivalent_mutants: dict[str, str] = field(default_factory=dict)
    kind: str = "function"

    @property
    def unit(self) -> str:
        return self.id.split(".")[0]

    def load_reference(self) -> Callable:
        """The library's function that the answer is compared with."""
        return load_function(self.reference)


@dataclass(frozen=True)
class Choice:
    """One answer to a question, and what to tell the person who gives it."""

    text: str
    explanation: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with exactly one right choice; choices are lettered a, b, c, ... in order."""

    text: str
    choices: tuple[Choice, ...]

    @property
    def right_letter(self) -> str:
        return "abcdefgh"[next(i for i, choice in enumerate(self.choices) if choice.right)]


@dataclass(frozen=True)
class Quiz:
    """Questions that a learner answers as a list of letters; points are shared equally."""

    id: str
    title: str
    name: str
    points: float
    minutes: int
    questions: tuple[Question, ...]
    kind: str = "choice"

    @property
    def unit(self) -> str:
        return self.id.split(".")[0]


def load_function(address: str) -> Callable:
    """The function at "module:function"."""
    module, _, name = address.partition(":")
    return getattr(import_module(module), name)
