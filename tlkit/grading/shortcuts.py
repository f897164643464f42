"""Does an answer mention what would be the whole answer? Read from its source, resolved through its own names.

This looks also at branches that did not run; what runs is watched by `tlkit.grading.reach`.
"""

import ast
import functools
import inspect
import sys
import textwrap
from typing import Any

from tlkit.grading.reach import Forbidden, codes_of, readable, same_code


def shortcut_in(forbidden: Forbidden, answer: Any, namespace: dict[str, Any], source: str | None) -> str | None:
    """The forbidden function that an answer is or mentions, as it is written there, or None.

    A name counts by what it stands for, so that an alias is seen and an own function of the same name is not,
    and neither is a local variable. `getattr` and `globals()[...]` with a constant name, imports inside,
    partials and copied function objects are followed.
    """
    if not forbidden.objects:
        return None
    if name := _is_forbidden(forbidden, answer):
        return name
    try:
        tree = ast.parse(textwrap.dedent(source or ""))
    except SyntaxError:
        return None
    scope = {**namespace, **getattr(answer, "__globals__", {}), **_closure(answer), **imports_in(tree)}
    for name in _locals_of(answer) - set(imports_in(tree)):
        scope.pop(name, None)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            if _is_forbidden(forbidden, _resolve(node, scope)):
                return ast.unparse(node)
    return None


def _is_forbidden(forbidden: Forbidden, found: Any) -> str | None:
    for _ in range(10):
        if isinstance(found, functools.partial | functools.partialmethod):
            found = found.func
    for address, target in forbidden.objects.items():
        if found is target or isinstance(found, type) and isinstance(target, type) and issubclass(found, target):
            return readable(address)
        if callable(found) and not isinstance(found, type) and not isinstance(target, type):
            if any(same_code(one, other) for one in codes_of(found) for other in codes_of(target)):
                return readable(address)
    return None


def _closure(answer: Any) -> dict[str, Any]:
    """Values that a function carries: free variables and defaults."""
    carried = {}
    with_cells = zip(getattr(getattr(answer, "__code__", None), "co_freevars", ()), getattr(answer, "__closure__", None) or ())
    for name, cell in with_cells:
        try:
            carried[name] = cell.cell_contents
        except ValueError:
            continue
    try:
        for name, parameter in inspect.signature(answer).parameters.items():
            if parameter.default is not parameter.empty:
                carried[name] = parameter.default
    except (TypeError, ValueError):
        pass
    return carried


def _locals_of(answer: Any) -> set[str]:
    """Names that are local to the answer: they are not what the notebook calls by the same name."""
    code = getattr(answer, "__code__", None)
    defaults = set(_closure(answer))
    return set(code.co_varnames) - defaults if code else set()


def imports_in(tree: ast.AST) -> dict[str, Any]:
    """What import statements inside the answer bind, as far as those modules are loaded."""
    bound: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                target = alias.name if alias.asname else alias.name.split(".")[0]
                bound[alias.asname or target] = sys.modules.get(target)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                bound[alias.asname or alias.name] = getattr(
                    sys.modules.get(node.module), alias.name, sys.modules.get(f"{node.module}.{alias.name}")
                )
    return bound


def _resolve(node: ast.AST, scope: dict[str, Any]) -> Any:
    """What an expression stands for, as far as it can be told without running it."""
    if isinstance(node, ast.Name):
        return scope.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _resolve(node.value, scope)
        return getattr(owner, node.attr, None) if _holds_functions(owner) else None
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        if isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") in ("globals", "vars", "locals"):
            return scope.get(node.slice.value) if isinstance(node.slice.value, str) else None
        if isinstance(node.value, ast.Attribute) and node.value.attr == "__dict__":
            return getattr(_resolve(node.value.value, scope), str(node.slice.value), None)
        if ast.unparse(node.value) == "sys.modules":
            return sys.modules.get(str(node.slice.value))
    if isinstance(node, ast.Call) and node.args:
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        constants = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if called == "getattr" and constants:
            owner = _resolve(node.args[0], scope)
            return getattr(owner, constants[0], None) if _holds_functions(owner) else None
        if called in ("import_module", "__import__") and constants:
            return sys.modules.get(constants[0])
    return None


def _holds_functions(owner: Any) -> bool:
    return isinstance(owner, type(sys) | type)
