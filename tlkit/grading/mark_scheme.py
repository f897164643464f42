"""The mark scheme of a question that a person grades, beside the answer in nbgrader's formgrader, and nowhere else.

What the unit's source has in an answer's cell that a person grades is how points are given. A release does not hold it,
and neither do graded notebooks or feedback: it is put in when the formgrader draws the page.
"""

from pathlib import Path

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode, v4
from traitlets import Bool, Unicode

from tlkit.errors import TlkitError
from tlkit.grading.rebuild import grade_id, is_hand_graded

OF_FORMGRADER = ("submission_id", "assignment_id", "notebook_id", "base_url")
"""What nbgrader's formgrader tells of a page, and feedback and other exports do not."""


class ShowMarkScheme(Preprocessor):
    """Puts the mark scheme above each answer that a person grades, on pages of the formgrader."""

    enabled = Bool(True).tag(config=True)
    sources = Unicode("solutions/{assignment}/{notebook}", help="The source, without its ending, from the course's root.").tag(config=True)
    root = Unicode("", help="The course's root; nbgrader's if not given, else the current folder.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        if not all(name in resources for name in OF_FORMGRADER):
            return nb, resources
        root = self.root or self.config.CourseDirectory.get("root") or "."
        source = Path(root) / self.sources.format(
            assignment=resources["assignment_id"], notebook=resources["notebook_id"])
        try:
            schemes = mark_schemes(source)
        except TlkitError as error:
            schemes = {}
            self.log.warning("no mark scheme: %s", error)
        cells = []
        for cell in nb.cells:
            if is_hand_graded(cell):
                points = cell.metadata["nbgrader"].get("points", 0)
                text = schemes.get(grade_id(cell)) or f"There is none for {grade_id(cell)} in {source}.py or .ipynb."
                cells.append(v4.new_markdown_cell(f"**Mark scheme, {float(points):g} points** (learners do not see this)\n\n{text}",
                                                  id="mark-scheme"))
            cells.append(cell)
        nb.cells = cells
        return nb, resources


def mark_schemes(source: Path) -> dict[str, str]:
    """The mark schemes of a source, by grade_id: the texts of the cells that a person grades.

    Args:
        source: of the unit's notebook, without its ending; the .py is read, else the .ipynb.
    Raises:
        TlkitError: there is neither, or it is no notebook.
    """
    import jupytext

    path = next((path for path in (source.with_name(source.name + ending) for ending in (".py", ".ipynb")) if path.is_file()), None)
    if path is None:
        raise TlkitError(f"there is neither {source}.py nor {source}.ipynb")
    try:
        cells = jupytext.read(path).cells
    except Exception as error:
        raise TlkitError(f"{path} is no notebook: {' '.join(str(error).split())[:200]}") from error
    return {grade_id(cell): cell.source for cell in cells if is_hand_graded(cell) and grade_id(cell)}
