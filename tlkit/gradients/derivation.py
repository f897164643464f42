"""A derivation whose every line proves itself.

Each line says that a quantity equals something. It is judged twice: against the quantity itself, found without the
derivation, and against the lines before, to which the line's rule is applied. A last line can be right although it does
not follow; only the second judgement sees that.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from tlkit.errors import TlkitError
from tlkit.gradients.proofs import Judgement, Point, agree


def unchanged(value: Any) -> Any:
    """The rule of a line that only rewrites the one before."""
    return value


@dataclass(frozen=True)
class Line:
    """One line of a derivation.

    Args:
        latex: the whole line, "left = right".
        plain: the same for terminals and screen readers.
        rule: what is applied, as "chain rule".
        why: one sentence.
        value: what the right-hand side says: a sympy expression, or a function of a point (tensors by name).
        truth: the quantity on the left, found another way: an expression, a function, a `proofs.Derivative`; a
            `proofs.Fact` for what can only be observed.
        after: numbers of the lines that it follows from, counted from 1; () for a definition, None for the line before.
        by: what the rule makes of those lines' values; what must equal this line's value.
        note: what else there is to say about the line, or "".
    """

    latex: str
    plain: str
    rule: str
    why: str
    value: Any
    truth: Any
    after: tuple[int, ...] | None = None
    by: Callable = unchanged
    note: str = ""


@dataclass(frozen=True)
class Proof:
    """What was found out about one line.

    Args:
        number: of the line, from 1.
        true: whether the line is true of its quantity.
        follows: whether it follows from the lines `after`; None for a definition and for an observation.
        after: the numbers of those lines.
    """

    number: int
    true: Judgement
    follows: Judgement | None
    after: tuple[int, ...]

    @property
    def holds(self) -> bool:
        return self.true.holds and (self.follows is None or self.follows.holds)


class StepDoesNotHold(TlkitError):
    """A line that is wrong or does not follow; `proof` says which, and where."""

    def __init__(self, name: str, line: Line, proof: Proof):
        said = []
        if not proof.true.holds:
            said.append(f"is not true: {proof.true.counterexample}")
        if proof.follows and not proof.follows.holds:
            said.append(f"does not follow from line {proof.after[-1]}: {proof.follows.counterexample}")
        super().__init__(f"{name}, line {proof.number} ({line.plain}) {'; and '.join(said)}")
        self.proof = proof


@dataclass(frozen=True)
class Derivation:
    """Lines from a definition to a final form; draws itself in a notebook as numbered steps with a mark per proof.

    Args:
        name: what `derive` knows it by.
        title: one line for people.
        lines: in order.
        symbols: symbol -> what it means and, for what has one, its shape.
        draw: (generator) -> a point: float64 tensors by name, at which lines that are functions are tried.
        of: where the derivation is from, or "".
    """

    name: str
    title: str
    lines: tuple[Line, ...]
    symbols: dict[str, str] = field(default_factory=dict)
    draw: Callable[[torch.Generator], Point] | None = None
    of: str = ""

    @cached_property
    def proofs(self) -> tuple[Proof, ...]:
        """Every line, judged; nothing is raised for one that does not hold."""
        return tuple(self._judge(number, line) for number, line in enumerate(self.lines, 1))

    def verify(self) -> tuple[Proof, ...]:
        """Judge every line.

        Raises:
            StepDoesNotHold: the first line that is not true or does not follow, with a counterexample.
        """
        for line, proof in zip(self.lines, self.proofs):
            if not proof.holds:
                raise StepDoesNotHold(self.name, line, proof)
        return self.proofs

    def after(self, number: int) -> tuple[int, ...]:
        """The numbers of the lines that line `number` follows from."""
        after = self.lines[number - 1].after
        return (number - 1,) if after is None else after

    def _judge(self, number: int, line: Line) -> Proof:
        after = self.after(number)
        true = agree(line.value, line.truth, self.draw)
        follows = None
        if after:
            follows = agree(line.value, line.by(*[self.lines[i - 1].value for i in after]), self.draw)
        return Proof(number, true, follows, after)

    def __repr__(self) -> str:
        from tlkit.gradients.drawing import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from tlkit.gradients.drawing import as_html

        return as_html(self)
