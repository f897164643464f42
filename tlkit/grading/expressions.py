"""Expressions that learners write, read through a whitelist of syntax: numbers, symbols, + - * / **, a few functions.

Nothing is executed: `sympify` and `eval` would run whatever they are given.
"""

import ast
from functools import lru_cache
from typing import Any

from tlkit.errors import TlkitError

MAX_CHARACTERS = 1_000
MAX_NODES = 300
MAX_DIGITS = 12
MAX_EXPONENT = 64
PRECISION = 30

FUNCTIONS = {
    "exp": "exp", "log": "log", "ln": "log", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "tan": "tan", "tanh": "tanh",
    "sinh": "sinh", "cosh": "cosh", "abs": "Abs", "Abs": "Abs", "sign": "sign", "max": "Max", "Max": "Max",
    "min": "Min", "Min": "Min", "Rational": "Rational",
}
CONSTANTS = {"pi": "pi", "E": "E"}


def parse(text: str, symbols: tuple[str, ...]) -> Any:
    """A sympy expression from text, its symbols declared real.

    Raises:
        TlkitError: the text holds something else than numbers, these symbols, + - * / ** and FUNCTIONS, or is far too
            long or too large to evaluate.
    """
    if len(text) > MAX_CHARACTERS:
        raise TlkitError(f"the expression has {len(text)} characters; {MAX_CHARACTERS} are enough")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TlkitError(f"`{text[:60]}` is not a formula that can be read: {getattr(error, 'msg', error)}") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise TlkitError("the expression is too long to be looked at; simplify it")
    return _build(tree.body, symbols)


def evaluate(expression: Any, symbols: tuple[str, ...], values: tuple) -> float:
    """The value of a parsed expression at real values of its symbols; nan where it has none."""
    import sympy

    at = {sympy.Symbol(name, real=True): sympy.Float(repr(float(value)), PRECISION) for name, value in zip(symbols, values)}
    try:
        found = expression.evalf(PRECISION, subs=at)
        number = complex(found)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return float("nan")
    return number.real if abs(number.imag) <= 1e-12 * max(1.0, abs(number.real)) else float("nan")


@lru_cache(maxsize=256)
def _sympy(name: str) -> Any:
    import sympy

    return getattr(sympy, name)


def _build(node: ast.AST, symbols: tuple[str, ...]) -> Any:
    import sympy

    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        if len(repr(node.value)) > MAX_DIGITS + 8 or abs(node.value) > 10.0**MAX_DIGITS:
            raise TlkitError(f"the number {repr(node.value)[:20]} is too large for a formula")
        return sympy.Integer(node.value) if type(node.value) is int else sympy.Float(repr(node.value), PRECISION)
    if isinstance(node, ast.Name):
        if node.id in symbols:
            return sympy.Symbol(node.id, real=True)
        if node.id in CONSTANTS:
            return _sympy(CONSTANTS[node.id])
        raise TlkitError(f"`{node.id}` is not among the symbols {', '.join(symbols)}")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        operand = _build(node.operand, symbols)
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BinOp):
        return _operate(node, _build(node.left, symbols), _build(node.right, symbols))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id not in FUNCTIONS:
            raise TlkitError(f"`{node.func.id}` is not a function that can be used here; those that can: "
                             f"{', '.join(sorted(set(FUNCTIONS)))}")
        arguments = [_build(argument, symbols) for argument in node.args]
        try:
            return _sympy(FUNCTIONS[node.func.id])(*arguments)
        except (TypeError, ValueError):
            raise TlkitError(f"`{ast.unparse(node)[:60]}`: wrong arguments for {node.func.id}") from None
    raise TlkitError(f"`{ast.unparse(node)[:60]}` cannot be part of a formula; it may hold numbers, "
                     f"{', '.join(symbols)}, + - * / ** and functions such as exp and log")


def _operate(node: ast.BinOp, left: Any, right: Any) -> Any:
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    if isinstance(node.op, ast.Mult):
        return left * right
    if isinstance(node.op, ast.Div):
        return left / right
    if isinstance(node.op, ast.Pow):
        if right.is_number and not abs(complex(right)) <= MAX_EXPONENT:
            raise TlkitError(f"an exponent of {ast.unparse(node.right)[:20]} is too large for a formula")
        if left.is_number and right.is_number and abs(complex(left)) > 1e6:
            raise TlkitError(f"`{ast.unparse(node)[:40]}` is too large for a formula")
        return left**right
    raise TlkitError(f"`{ast.unparse(node)[:60]}`: only + - * / ** can be used; a power is written **")
