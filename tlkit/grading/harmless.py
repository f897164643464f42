"""A graded notebook that can be opened: nothing of a submission runs in the browser of whoever grades, or fetches anything.

nbgrader's formgrader shows notebooks as they are, so what a learner typed or showed is made harmless before it is kept.
"""

import re

from nbformat import NotebookNode

from tlkit.grading.rebuild import is_check

_SHOWN = ("text/plain", "image/png", "image/jpeg")
_RUNS = re.compile(r"<[a-z/!?]|(javascript|vbscript|data)\s*:|!\[|^\s*\[[^\]]+\]:", re.IGNORECASE | re.MULTILINE)
"""HTML, addresses that run something, and pictures, also by reference."""


def make_harmless(notebook: NotebookNode, released: NotebookNode) -> None:
    """Show learners' texts as they were typed where they hold more than text, and of outputs plain text and pictures only.

    Args:
        released: what the notebook was rebuilt from; its own texts stay as they are.
    """
    texts = {cell.source for cell in released.cells}
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source not in texts and _RUNS.search(cell.source):
            cell.source = as_typed(cell.source)
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data = NotebookNode({kind: value for kind, value in output.data.items()
                                            if kind in _SHOWN or kind == "text/html" and is_check(cell)})
            if "metadata" in output:
                output.metadata = NotebookNode()


def as_typed(text: str) -> str:
    """Markdown that shows a text letter by letter."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=2))
    return f"(shown as it was typed, since it holds HTML, a script or a picture)\n\n{fence}text\n{text}\n{fence}"
