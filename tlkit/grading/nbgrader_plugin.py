"""What nbgrader's autograding of a class takes from us."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode, v4
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from tlkit.errors import TlkitError
from tlkit.grading.rebuild import rebuild
from tlkit.grading.submission import submission_of


class RestoreFromRelease(NbGraderPreprocessor):
    """The first step of autograding: put the released notebook, with the learner's answers in it, in place of theirs.

    It protects a notebook's structure: checks that were deleted, edited, doubled or tagged to be skipped, raised
    points, flipped flags, metadata that nbgrader cannot read. It does not protect against what an answer's code does
    when it runs: that is one process with the checks, with the rights of whoever grades, and can forge its points.
    """

    release = Unicode(
        "course/{assignment}/{notebook}.ipynb", help="The released notebook, from the course's root."
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        ids = resources["nbgrader"]
        path = Path(self.release.format(assignment=ids["assignment"], notebook=ids["notebook"]))
        if not path.is_file():
            raise TlkitError(f"{path.absolute()} is missing: the released notebook, without which {ids['notebook']} "
                             f"cannot be graded; `nbgrader generate_assignment {ids['assignment']}` makes it")
        restored, notes = rebuild(nbformat.read(path, as_version=4), submission_of(nb))
        for note in notes:
            self.log.info("%s, %s: %s", ids.get("student", ""), ids["notebook"], note)
        if notes:
            text = "**Read before grading**\n\n" + "\n".join(f"- {note}" for note in notes)
            restored.cells.insert(0, v4.new_markdown_cell(text, id="notes-of-grading"))
        return restored, resources
