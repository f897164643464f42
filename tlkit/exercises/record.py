"""An exercise is data: what to write, what it is compared with, and how people get it wrong.

The same record drives the feedback that a learner reads, the test of the grader itself
(`tlkit verify`) and the report on a class. A new exercise is one record and no other code.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from tlkit.exercises.fields import MISSING, check_exercise, check_quiz


@dataclass(frozen=True)
class Case:
    """One situation that an answer must get right.

    Args:
        group: what a learner gets partial credit for; every case belongs to one group.
        what: the situation in a few words, shown when it fails: "one class has more examples than another".
        calls: one tuple for each of one or more successive calls. It holds, by the exercise's kind:
            function, figure: the positional arguments, as plain data and arrays;
            loop: the same, among them `Recipe`s of models, optimisers, data (tlkit.exercises.recipe);
            class: the `Step`s that are taken with it (tlkit.exercises.recipe);
            number: nothing; plan: the path to the part that is looked at, as ("phases", 0, "epochs");
            expression: a value for each symbol; formulas: the formula's key, then a value for each symbol.
        keeps_random_state: whether an answer that moves a global random state fails this case.
        upstream: a gradient that flows back into what the (function's) call returns, or None; the gradients of the
            arguments that require one then count as well. Take one that is not all ones.
        raises: the built-in exception that is due because the input is bad, as "ValueError"; None where a value is.
    """

    group: str
    what: str
    calls: tuple[tuple, ...] = ((),)
    keeps_random_state: bool = False
    upstream: Any = None
    raises: str | None = None


@dataclass(frozen=True)
class Misconception:
    """An executable wrong answer.

    Args:
        name: what went wrong, as a learner should read it: "drawn with replacement".
        why: one sentence, why a sensible person thinks so.
        hint: one sentence that points the way without giving the answer.
        answer: a function (or class) with the exercise's signature that makes this mistake; the wrong value itself
            where the exercise asks for a number, an expression or a plan.
    """

    name: str
    why: str
    hint: str
    answer: Any = MISSING


def the_value(rng: np.random.Generator) -> list[Case]:
    """The one case of an exercise whose answer is a single value."""
    return [Case("the value", "your answer")]


@dataclass(frozen=True)
class Exercise:
    """Something that the learner writes: a function, class, training loop, number, expression, dict of formulas, plan or
    figure.

    Args:
        id: "UNIT.name", as in `check("01.sample")`.
        name: the name that the learner defines.
        points, minutes, difficulty: what it is worth, how long it takes, "easy", "medium" or "hard".
        reference: "module:function" of the library function that the learner rebuilds; for number, expression,
            formulas and plan, of a function that computes what is due.
        hint: one sentence for whoever is stuck without a diagnosis.
        kind: how an answer is looked at, one of tlkit.exercises.fields.KINDS.
        parameters: the parameters' names, in order; answers are called by position. A formula's symbols.
        cases: (generator) -> cases; the generator decides values and sizes, so that another seed
            gives hidden cases of the same kinds.
        misconceptions: known wrong answers.
        view: (values, calls) -> what of the returned values counts, one value for each call of a case; by default
            all of it. A function with many right answers (a random draw) shows through its view what they share.
        looks_at: for a loop, what counts beside what it returns: "NAME.FACET" for a recipe's name and one of
            parameters, buffers, gradients, training, forward, requires_grad, calls; or "FACET" for all of them.
        rtol, atol: how far a right answer may be away, relative and absolute.
        given: name -> "module:function" of earlier exercises that this one builds on; it is judged with the
            library's own, so that a mistake there does not count twice.
        shortcuts: "module:function" (or "module:Class.method") of calls that would be the whole answer.
        allowed: "module:function" of calls that may use the reference or a shortcut inside.
        shrinks: whether the failing case may be made smaller, or (call) -> smaller calls where it needs its own way.
        equivalent_mutants: mutated source lines that are right too, each with its reason.
    Raises:
        TlkitError: a field is missing or cannot be meant; the message names record, field and reason.
    """

    id: str
    title: str = MISSING
    name: str = MISSING
    points: float = MISSING
    minutes: int = MISSING
    difficulty: str = MISSING
    reference: str = MISSING
    hint: str = MISSING
    kind: str = "function"
    parameters: tuple[str, ...] = ()
    cases: Callable[[np.random.Generator], list[Case]] = the_value
    misconceptions: tuple[Misconception, ...] = ()
    view: Callable[[list, tuple[tuple, ...]], Any] | None = None
    looks_at: tuple[str, ...] = ("parameters", "buffers", "training", "forward", "calls")
    rtol: float = 1e-6
    atol: float = 1e-9
    given: dict[str, str] = field(default_factory=dict)
    shortcuts: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    shrinks: bool | Callable[[tuple], Iterable[tuple]] = True
    equivalent_mutants: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        check_exercise(self)

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
    """Questions that a learner answers as a list of letters; points are shared equally.

    Raises:
        TlkitError: a question without exactly one right choice, or a choice without an explanation.
    """

    id: str
    title: str = MISSING
    name: str = MISSING
    points: float = MISSING
    minutes: int = MISSING
    questions: tuple[Question, ...] = MISSING
    kind: str = "choice"

    def __post_init__(self):
        check_quiz(self)

    @property
    def unit(self) -> str:
        return self.id.split(".")[0]


def load_function(address: str) -> Any:
    """What stands at "module:name" or "module:Class.method"."""
    module, _, names = address.partition(":")
    found = import_module(module)
    for name in names.split("."):
        found = getattr(found, name)
    return found
