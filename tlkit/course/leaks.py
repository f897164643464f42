"""Answers that can be read where learners read: lines of solutions and alternatives in released files."""

import ast
import json
import re
from html import unescape
from pathlib import Path

from tlkit.course.release import sources_of

TELLING = 12  # a line with fewer letters and digits, such as `else:` or `return x`, tells nothing


def leaks(root: Path, released: Path | None = None) -> list[str]:
    """Every answer of `root/solutions` that stands in a released file, in words.

    A unit's own file must not hold a single telling line of its answers; the file of another unit must not hold a
    whole answer (a line such as `rng = np.random.default_rng(seed)` is common property). Of an answer without a
    telling line (letters for a quiz), no file holds all lines in a row.

    Args:
        root: the checkout.
        released: the folder of released units; `root/course` where none is given.
    """
    released = released or root / "course"
    folders = [path for path in sorted((root / "solutions").glob("[0-9][0-9]_*")) if sources_of(path)]
    answers = {folder.name: answers_of(folder) for folder in folders}
    public = {folder.name: public_lines(folder) for folder in folders}
    faults = []
    for path in sorted(path for path in released.rglob("*") if path.is_file()):
        unit, lines = path.relative_to(released).parts[0], _lines(path)
        for owner in answers:
            for answer in answers[owner]:
                telling = [line for line in answer if _is_telling(line) and line not in public[owner]]
                found = [line for line in telling if line in lines]
                whole = len(telling) > 1 and len(found) == len(telling)
                untold = not telling and len(answer) > 1 and _holds_run(lines, answer)
                if whole or untold or (found and owner == unit):
                    where = path.relative_to(released.parent)
                    faults.append(f"{where} holds an answer of {owner}: {(found or answer)[0]}")
    return sorted(set(faults))


def answers_of(folder: Path) -> list[list[str]]:
    """The answers of a unit, each as its stripped lines: its solution regions and its alternatives' functions."""
    found = []
    for path in sources_of(folder):
        region: list[str] | None = None
        for line in path.read_text(encoding="utf-8").splitlines():
            if "BEGIN SOLUTION" in line:
                region = []
            elif "END SOLUTION" in line:
                found.append(region or [])
                region = None
            elif region is not None and line.strip():
                region.append(line.strip())
        found += _whole_cell_answers(path)
    alternatives = folder / "alternatives.py"
    if alternatives.exists():
        text = alternatives.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
                found.append([line.strip() for line in lines if line.strip()])
    return [answer for answer in found if answer]


def public_lines(folder: Path) -> set[str]:
    """The stripped lines of a unit's sources that are meant to be read: those outside of every answer."""
    public = set()
    for path in sources_of(folder):
        inside = False
        for line in _without_whole_cell_answers(path).splitlines():
            if "BEGIN SOLUTION" in line or "END SOLUTION" in line:
                inside = "BEGIN" in line
            elif not inside:
                public.add(line.strip())
                public.add(line.strip().removeprefix("#").strip())
    return public


def _whole_cell_answers(path: Path) -> list[list[str]]:
    """Cells that nbgrader replaces as a whole: answers to what a person grades."""
    return [[line.removeprefix("#").strip() for line in body if line.strip("# ")] for marker, body in _cells(path)
            if '"solution": true' in marker and not any("BEGIN SOLUTION" in line for line in body)]


def _without_whole_cell_answers(path: Path) -> str:
    return "\n".join(line for marker, body in _cells(path) for line in body
                     if '"solution": true' not in marker or any("BEGIN SOLUTION" in other for other in body))


def _cells(path: Path) -> list[tuple[str, list[str]]]:
    cells: list[tuple[str, list[str]]] = [("", [])]
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# %%"):
            cells.append((line, []))
        else:
            cells[-1][1].append(line)
    return cells


def _is_telling(line: str) -> bool:
    return sum(character.isalnum() for character in line) >= TELLING


def _holds_run(lines: list[str], run: list[str]) -> bool:
    return any(lines[start : start + len(run)] == run for start in range(len(lines) - len(run) + 1))


def _lines(path: Path) -> list[str]:
    """The stripped lines of a file; of a notebook, those of every string in it, outputs and metadata included; of a page those as they
    are read as well."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return []
    if path.suffix == ".ipynb":
        try:
            text = "\n".join(_strings(json.loads(text)))
        except ValueError:
            pass
    if path.suffix == ".html":
        text += "\n" + unescape(re.sub(r"<[^>]*>", "", text))
    return [line.strip() for line in text.splitlines() if line.strip()]


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value.rstrip("\n")]
    if isinstance(value, dict):
        return [text for item in value.values() for text in _strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return []
