"""Do two sides agree? Scalars by identity in sympy; tensors in float64 at seeded random points; facts by looking.

A side is a sympy expression, a function of a point (tensors by name), a Derivative of such a function, a function of the
library, or a Fact.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy
import torch

Point = dict[str, torch.Tensor]
Function = Callable[[Point], torch.Tensor]

SEEDS = range(5)
EXACT, DIFFERENCES = 1e-9, 1e-6  # relative errors that autograd and central differences are allowed, in float64
_STEP = 1e-5


@dataclass(frozen=True)
class Judgement:
    """Whether two sides agree, how that was found, and where they do not.

    Args:
        holds: they agree.
        how: "identity", "autograd and differences", "values" or "observed".
        error: the largest relative error at the points that were tried; None for an identity and an observation.
        counterexample: a point and both sides there, in words; "" where they agree.
    """

    holds: bool
    how: str
    error: float | None = None
    counterexample: str = ""


@dataclass(frozen=True)
class Derivative:
    """The derivative of a function of a point by one of its tensors, twice: by autograd and by central differences.

    Of a function with an output of shape S by a tensor of shape R, it has the shape S + R.
    """

    of: Function
    by: str

    def __call__(self, point: Point) -> torch.Tensor:
        def moved(tensor: torch.Tensor) -> torch.Tensor:
            return self.of({**point, self.by: tensor})

        return torch.autograd.functional.jacobian(moved, point[self.by], create_graph=torch.is_grad_enabled())

    def by_differences(self, point: Point) -> torch.Tensor:
        """The same from central differences."""
        at, columns = point[self.by], []
        with torch.no_grad():
            for place in range(at.numel()):
                move = torch.zeros_like(at).view(-1)
                move[place] = _STEP
                ends = [self.of({**point, self.by: at + sign * move.view(at.shape)}) for sign in (1, -1)]
                columns.append((ends[0] - ends[1]) / (2 * _STEP))
        stacked = torch.stack(columns, dim=-1)
        return stacked.reshape(*stacked.shape[:-1], *at.shape)


def derivative(by: str) -> Callable[[Function], Derivative]:
    """The rule "differentiate the line before by this tensor"."""
    return lambda function: Derivative(function, by)


@dataclass(frozen=True)
class Fact:
    """Something that cannot be computed but seen, such as a gradient that is None.

    Args:
        look: (seed) -> ("", or what was seen instead).
    """

    look: Callable[[int], str]


@dataclass(frozen=True)
class Library:
    """A quantity as the library computes it, for an expression to be compared with at seeded random points in (0, 1).

    Args:
        function: takes float64 tensors, one for each symbol, and returns one number.
        symbols: the expression's symbols, in that order.
    """

    function: Callable[..., torch.Tensor]
    symbols: tuple[sympy.Symbol, ...]


def agree(one: Any, other: Any, draw: Callable[[torch.Generator], Point] | None) -> Judgement:
    """Judge whether two sides are the same."""
    if isinstance(other, Fact):
        seen = next(filter(None, map(other.look, SEEDS)), "")
        return Judgement(not seen, "observed", None, seen)
    if isinstance(other, Library):
        return _as_computed(one, other)
    if isinstance(one, sympy.Basic):
        return _identity(one, other)
    return _at_points(one, other, draw)


def _identity(one: sympy.Expr, other: sympy.Expr) -> Judgement:
    one, other = _flat(one), _flat(other)
    if sympy.simplify(one - other) == 0:
        return Judgement(True, "identity")
    symbols = sorted(one.free_symbols | other.free_symbols, key=lambda s: s.name)
    dice = random.Random(0)
    for _ in range(20):
        at = {symbol: sympy.Rational(dice.randint(1, 9), 10) for symbol in symbols}
        sides = [float(side.subs(at)) for side in (one, other)]
        if abs(sides[0] - sides[1]) > 1e-9 * max(1.0, abs(sides[1])):
            where = ", ".join(f"{symbol} = {float(value):g}" for symbol, value in at.items())
            return Judgement(False, "identity", None, f"at {where} it says {sides[0]:.4g}, and {sides[1]:.4g} is due")
    return Judgement(False, "identity", None, "neither proved nor refuted: the sides agree at 20 points, and sympy finds no identity")


def _as_computed(one: sympy.Expr, other: Library) -> Judgement:
    dice, largest = random.Random(0), 0.0
    for _ in SEEDS:
        at = {symbol: dice.uniform(0.05, 0.95) for symbol in other.symbols}
        said = float(one.subs(at))
        due = float(other.function(*[torch.tensor(value, dtype=torch.float64) for value in at.values()]))
        largest = max(largest, abs(said - due) / max(abs(due), 1e-6))
        if not largest <= EXACT:
            where = ", ".join(f"{symbol} = {value:.3g}" for symbol, value in at.items())
            return Judgement(False, "values", largest, f"at {where} it says {said:.4g}, and {due:.4g} is due")
    return Judgement(True, "values", largest)


def _flat(expression: sympy.Expr) -> sympy.Expr:
    """The expression with functions of a variable, and their derivatives, as symbols of their own: f1(t) -> f1."""
    expression = sympy.sympify(expression).doit()
    for slope in expression.atoms(sympy.Derivative):
        expression = expression.subs(slope, sympy.Symbol(f"d{slope.expr.func}", real=True))
    for function in expression.atoms(sympy.core.function.AppliedUndef):
        expression = expression.subs(function, sympy.Symbol(str(function.func), positive=True))
    return expression


def _at_points(one: Function, other: Any, draw: Callable[[torch.Generator], Point]) -> Judgement:
    largest, how = 0.0, "autograd and differences" if isinstance(other, Derivative) else "values"
    for seed in SEEDS:
        point = draw(torch.Generator().manual_seed(seed))
        said = one(point).detach()
        sides = [(other(point).detach(), EXACT)]
        if isinstance(other, Derivative):
            sides.append((other.by_differences(point), DIFFERENCES))
        for due, tolerance in sides:
            if said.shape != due.shape:
                return Judgement(False, how, None, f"it has the shape {tuple(said.shape)}, and {tuple(due.shape)} is due")
            error = float((said - due).abs().max() / due.abs().max().clamp(min=1e-6))
            largest = max(largest, error)
            if not error <= tolerance:
                return Judgement(False, how, error, _where(said, due, seed))
    return Judgement(True, how, largest)


def _where(said: torch.Tensor, due: torch.Tensor, seed: int) -> str:
    place = int((said - due).abs().nan_to_num(nan=float("inf")).argmax())
    index = [int(i) for i in torch.unravel_index(torch.tensor(place), said.shape)]
    entry = f" in entry {index}" if index else ""
    return (f"at the random point of seed {seed} it says {float(said.reshape(-1)[place]):.4g}{entry}, "
            f"and {float(due.reshape(-1)[place]):.4g} is due")
