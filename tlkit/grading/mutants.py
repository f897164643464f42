"""Small wrong versions of a right answer, made by rule: a check that accepts one of them can be fooled.

Each mutant changes one thing: an operator, a comparison, a constant, an axis, a keyword, an argument, or it
drops one term, one statement, one context such as `no_grad` or one call such as `detach`.
"""

import ast
import copy
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_BINARY = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
           ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.MatMult: ast.Mult}
_COMPARE = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
_REDUCTIONS = {"mean": "sum", "sum": "mean", "batchmean": "mean"}
_COMMUTATIVE = {"max", "min", "maximum", "minimum", "eq"}  # two arguments in the other order are no mistake
_DROPPED_CALLS = {"detach", "no_grad", "eval", "zero_grad", "clone", "copy", "deepcopy", "sorted", "unique", "abs"}


@dataclass(frozen=True)
class Mutant:
    """A changed function or class, and the statement that changed as it now reads ("dropped: ..." where it is gone)."""

    change: str
    function: Callable


def mutants_of(made: Any, with_guards: bool = False) -> list[Mutant]:
    """Every mutant of a function or class, in source order.

    Args:
        made: a Python function or class whose source can be read.
        with_guards: also mutate input checks (an `if` whose body only raises); without, they stay as they are,
            because an exercise without bad input does not ask for them.
    """
    source, scope, name = textwrap.dedent(inspect.getsource(made)), _scope_of(made), made.__name__
    tree = ast.parse(source)
    tree.body[0].decorator_list = []
    found: dict[str, Mutant] = {}
    unchanged = ast.unparse(tree)
    for change, mutated in _mutations(tree, with_guards):
        source = ast.unparse(ast.fix_missing_locations(mutated))
        if source not in found and source != unchanged:
            namespace = dict(scope)
            exec(compile(source, f"<mutant of {name}>", "exec"), namespace)
            found[source] = Mutant(change, namespace[name])
    return list(found.values())


def _scope_of(made: Any) -> dict[str, Any]:
    """The names that a function or class finds around it."""
    if not isinstance(made, type):
        return made.__globals__
    return vars(sys.modules[made.__module__]) if made.__module__ in sys.modules else next(
        value.__globals__ for value in vars(made).values() if hasattr(value, "__globals__"))


def _mutations(tree: ast.Module, with_guards: bool) -> Iterator[tuple[str, ast.Module]]:
    nodes = list(ast.walk(tree))
    skipped = set(_skipped(tree, with_guards))
    for index, node in enumerate(nodes):
        if node in skipped:
            continue
        for variant in _variants(node):
            mutated = copy.deepcopy(tree)
            twin = list(ast.walk(mutated))[index]
            statement = _statement_of(mutated, twin)
            replacement = variant(twin)
            if replacement is None:
                yield f"dropped: {ast.unparse(node)}", _Dropper(twin).visit(mutated)
            elif isinstance(replacement, list):
                yield f"dropped: {ast.unparse(node).splitlines()[0]}", _Swapper(twin, replacement).visit(mutated)
            else:
                swapped = _Swapper(twin, replacement).visit(mutated)
                yield ast.unparse(ast.fix_missing_locations(statement)).splitlines()[0], swapped


def _skipped(tree: ast.Module, with_guards: bool) -> Iterator[ast.AST]:
    """Signatures, docstrings, annotations, messages of exceptions, and guards where they do not count."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if isinstance(node, ast.FunctionDef):
                yield from ast.walk(node.args)
                if node.returns:
                    yield from ast.walk(node.returns)
            if ast.get_docstring(node):
                yield from ast.walk(node.body[0])
        if isinstance(node, ast.Raise) and node.exc:
            yield from ast.walk(node.exc)
        if isinstance(node, ast.AnnAssign):
            yield from ast.walk(node.annotation)
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        if isinstance(node, ast.JoinedStr):
            yield from ast.walk(node)
        if isinstance(node, ast.If) and all(isinstance(s, ast.Raise) for s in node.body) and not with_guards:
            yield from ast.walk(node)


def _variants(node: ast.AST) -> Iterator[Callable[[ast.AST], ast.AST | None]]:
    if isinstance(node, ast.BinOp):
        yield lambda n: ast.BinOp(n.left, _BINARY.get(type(n.op), ast.Add)(), n.right)
        yield lambda n: n.left
        yield lambda n: n.right
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield lambda n: n.operand
    elif isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            if type(op) in _COMPARE:
                yield lambda n, i=i: ast.Compare(
                    n.left, [*n.ops[:i], _COMPARE[type(n.ops[i])](), *n.ops[i + 1:]], n.comparators)
    elif isinstance(node, ast.BoolOp):
        yield lambda n: ast.BoolOp(ast.And() if isinstance(n.op, ast.Or) else ast.Or(), n.values)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield lambda n: ast.Constant(n.value + 1)
        yield lambda n: ast.Constant(-n.value if n.value else -1)
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield lambda n: ast.Constant(not n.value)
    elif isinstance(node, ast.IfExp):
        yield lambda n: n.body
        yield lambda n: n.orelse
    elif isinstance(node, ast.Call):
        for i in range(len(node.keywords)):
            yield lambda n, i=i: ast.Call(n.func, n.args, n.keywords[:i] + n.keywords[i + 1:])
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if len(node.args) >= 2 and not any(isinstance(a, ast.Starred) for a in node.args):
            if len(node.args) > 2 or name not in _COMMUTATIVE:
                yield lambda n: ast.Call(n.func, [n.args[1], n.args[0], *n.args[2:]], n.keywords)
            yield lambda n: ast.Call(n.func, n.args[:-1], n.keywords)
        if name in _DROPPED_CALLS and (isinstance(node.func, ast.Attribute) or node.args):
            yield lambda n: n.args[0] if n.args else n.func.value
    elif isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant) and node.value.value in _REDUCTIONS:
        yield lambda n: ast.keyword(n.arg, ast.Constant(_REDUCTIONS[n.value.value]))
    elif isinstance(node, ast.comprehension):
        for i in range(len(node.ifs)):
            yield lambda n, i=i: ast.comprehension(n.target, n.iter, n.ifs[:i] + n.ifs[i + 1:], n.is_async)
    elif isinstance(node, ast.With):
        yield lambda n: n.body
    elif isinstance(node, ast.Expr | ast.Assign | ast.AugAssign | ast.If | ast.Raise | ast.Break | ast.Continue):
        yield lambda n: None


def _statement_of(tree: ast.Module, node: ast.AST) -> ast.AST:
    """The innermost statement that holds a node."""
    return next((s for s in reversed(list(ast.walk(tree))) if isinstance(s, ast.stmt) and node in ast.walk(s)), tree)


class _Swapper(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else self.generic_visit(node)


class _Dropper(_Swapper):
    def __init__(self, old: ast.AST):
        super().__init__(old, ast.Pass())
