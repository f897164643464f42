"""Formulas that learners write, read through a whitelist of syntax: numbers, symbols, + - * / **, a few functions.

Nothing is executed: `sympify` and `eval` would run whatever they are given. A formula is compared by its value at
real values of its symbols, so that its form does not matter, and floats keep `9**9**9` from taking for ever.
"""

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass

from tlkit.errors import TlkitError

MAX_CHARACTERS = 1_000
MAX_NODES = 300

FUNCTIONS: dict[str, tuple[Callable, tuple[int, ...]]] = {
    "exp": (math.exp, (1,)), "log": (math.log, (1, 2)), "ln": (math.log, (1,)), "sqrt": (math.sqrt, (1,)),
    "sin": (math.sin, (1,)), "cos": (math.cos, (1,)), "tan": (math.tan, (1,)), "sinh": (math.sinh, (1,)),
    "cosh": (math.cosh, (1,)), "tanh": (math.tanh, (1,)), "abs": (abs, (1,)), "Abs": (abs, (1,)),
    "sign": (lambda x: float((x > 0) - (x < 0)), (1,)), "max": (max, (2, 3, 4)), "Max": (max, (2, 3, 4)),
    "min": (min, (2, 3, 4)), "Min": (min, (2, 3, 4)),
}
CONSTANTS = {"pi": math.pi, "E": math.e}
_OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b, ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: math.pow(a, b),
}


@dataclass(frozen=True)
class Formula:
    """A formula that has been looked through: its syntax tree, and the symbols that may stand in it."""

    tree: ast.expr
    symbols: tuple[str, ...]


def parse(text: str, symbols: tuple[str, ...]) -> Formula:
    """A formula from text.

    Raises:
        TlkitError: the text holds something else than numbers, these symbols, + - * / ** and FUNCTIONS, or is far too
            long.
    """
    if len(text) > MAX_CHARACTERS:
        raise TlkitError(f"the expression has {len(text)} characters; {MAX_CHARACTERS} are enough")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TlkitError(f"`{text[:60]}` is not a formula that can be read: {getattr(error, 'msg', error)}") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise TlkitError("the expression is too long to be looked at; simplify it")
    _look_through(tree, symbols)
    return Formula(tree, symbols)


def evaluate(formula: Formula, values: tuple[float, ...]) -> float:
    """The value of a formula at real values of its symbols; nan where it has none or is too large to be a float."""
    try:
        return float(_value(formula.tree, dict(zip(formula.symbols, map(float, values)))))
    except (ValueError, ZeroDivisionError, OverflowError):
        return math.nan


def _look_through(node: ast.AST, symbols: tuple[str, ...]) -> None:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        if type(node.value) is int and node.value.bit_length() > 1_000:
            raise TlkitError("a number in the formula is too large")
    elif isinstance(node, ast.Name):
        if node.id not in symbols and node.id not in CONSTANTS:
            raise TlkitError(f"`{node.id}` is not among the symbols {', '.join(symbols)}")
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        _look_through(node.operand, symbols)
    elif isinstance(node, ast.BinOp):
        if type(node.op) not in _OPERATORS:
            raise TlkitError(f"`{ast.unparse(node)[:60]}`: only + - * / ** can be used; a power is written **")
        _look_through(node.left, symbols)
        _look_through(node.right, symbols)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id in symbols:
            raise TlkitError(f"`{ast.unparse(node)[:60]}` calls {node.func.id} like a function; to multiply, write `{node.func.id}*(...)`")
        if node.func.id not in FUNCTIONS:
            raise TlkitError(f"`{node.func.id}` is not a function that can be used here; those that can: "
                             f"{', '.join(FUNCTIONS)}")
        if len(node.args) not in FUNCTIONS[node.func.id][1]:
            raise TlkitError(f"`{ast.unparse(node)[:60]}`: {node.func.id} takes another number of arguments")
        for argument in node.args:
            _look_through(argument, symbols)
    else:
        raise TlkitError(f"`{ast.unparse(node)[:60]}` cannot be part of a formula; it may hold numbers, "
                         f"{', '.join(symbols)}, + - * / ** and functions such as exp and log")


def _value(node: ast.AST, at: dict[str, float]) -> float:
    if isinstance(node, ast.Constant):
        return float(node.value)
    if isinstance(node, ast.Name):
        return at.get(node.id, CONSTANTS.get(node.id, math.nan))
    if isinstance(node, ast.UnaryOp):
        operand = _value(node.operand, at)
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_value(node.left, at), _value(node.right, at))
    return FUNCTIONS[node.func.id][0](*[_value(argument, at) for argument in node.args])
