"""A graded notebook that can be opened: nothing of a submission runs in the browser of whoever grades, or fetches anything.

nbgrader's formgrader shows notebooks as they are, so what a learner typed or showed is made harmless before it is kept.
"""

import re

from nbformat import NotebookNode

from tlkit.grading.rebuild import is_check, name_of

_SHOWN = ("text/plain", "image/png", "image/jpeg")
_RUNS = re.compile(r"<[a-z/!?]|(javascript|vbscript|data)\s*:|!\[|^\s*\[[^\]]+\]:", re.IGNORECASE | re.MULTILINE)
"""HTML, addresses that run something, and pictures, also by reference."""

_MEANT = re.compile(r"<\s*(script|iframe|object|embed|form|link|meta|base)\b|<[^>]*\bon\w+\s*=|(java|vb)script\s*:", re.IGNORECASE)
"""What nobody shows by accident, as a table's HTML is shown."""


def make_harmless(notebook: NotebookNode, released: NotebookNode) -> list[str]:
    """Show learners' texts as they were typed where they hold more than text, and of outputs plain text and pictures only.

    Args:
        released: what the notebook was rebuilt from; its own texts stay as they are.
    Returns:
        A line for each cell in which something would have run.
    """
    texts, notes = {cell.source for cell in released.cells}, []
    for cell in notebook.cells:
        shown = [] if is_check(cell) else [str(text) for output in cell.get("outputs", []) if "data" in output
                                           for kind, text in output.data.items() if kind not in _SHOWN]
        if cell.cell_type == "markdown" and cell.source not in texts:
            shown.append(cell.source)
        if any(map(_MEANT.search, shown)) or any("application/javascript" in output.get("data", {}) for output in cell.get("outputs", [])):
            notes.append(f"{name_of(cell)}: it holds a script, a frame or a form, which was taken out")
        if cell.cell_type == "markdown" and cell.source not in texts and _RUNS.search(cell.source):
            cell.source = as_typed(cell.source)
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data = NotebookNode({kind: value for kind, value in output.data.items()
                                            if kind in _SHOWN or kind == "text/html" and is_check(cell)})
            if "metadata" in output:
                output.metadata = NotebookNode()
    return notes


def as_typed(text: str) -> str:
    """Markdown that shows a text letter by letter."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=2))
    return f"(shown as it was typed, since it holds HTML, a script or a picture)\n\n{fence}text\n{text}\n{fence}"
