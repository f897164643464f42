"""Does an answer call what would be the whole answer? Read from its source, resolved through its own names."""

import ast
import sys
import textwrap
from typing import Any

from tlkit.exercises.record import Exercise
from tlkit.grading.subject import Subject


def shortcut_in(exercise: Exercise, subject: Subject, source: str | None) -> str | None:
    """The forbidden call that an answer makes, as it is written there, or None.

    A name counts by what it stands for, so that an alias is seen and an own function of the same name is not.
    Only objects that are loaded can be called, so nothing is imported to look.
    """
    addresses = (exercise.reference, *exercise.shortcuts)
    forbidden = [found for found in map(_loaded, addresses) if found is not None]
    answer = subject.object() if hasattr(subject, "object") else None
    if any(answer is function for function in forbidden):
        return exercise.reference.replace(":", ".")
    scope = {**getattr(subject, "namespace", {}), **getattr(answer, "__globals__", {})}
    try:
        tree = ast.parse(textwrap.dedent(source or ""))
    except SyntaxError:
        return None
    imported = _imports_in(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            target = _resolve(node, {**scope, **imported})
            if any(target is function for function in forbidden):
                return ast.unparse(node)
    return None


def _loaded(address: str) -> Any:
    module, _, name = address.partition(":")
    return getattr(sys.modules.get(module), name, None)


def _imports_in(tree: ast.AST) -> dict[str, Any]:
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
    if isinstance(node, ast.Name):
        return scope.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _resolve(node.value, scope)
        return getattr(owner, node.attr, None) if type(owner).__name__ == "module" else None
    return None
