"""What nbgrader's own autograding takes from us: two preprocessors, which any course can name in its configuration.

    c.Autograde.sanitize_preprocessors = ["tlkit.grading.nbgrader_plugin.RestoreFromRelease", ...]
    c.Autograde.autograde_preprocessors = ["tlkit.grading.nbgrader_plugin.ExecuteInTwoKernels", ...]
"""

import atexit
import contextlib
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Dict, Unicode

from tlkit.errors import TlkitError
from tlkit.grading.classwork.course import code_to_run, exercises_checked_in
from tlkit.grading.classwork.grade_class import require_sandbox
from tlkit.grading.harmless import make_harmless
from tlkit.grading.kernel import Limits
from tlkit.grading.rebuild import add_notes, rebuild
from tlkit.grading.sandbox.allowance import Allowance
from tlkit.grading.secret import read_secret
from tlkit.grading.submission import require_gradable, submission_of
from tlkit.grading.two_kernels import TwoKernels
from tlkit.grading.warm.parents import WarmParents


class RestoreFromRelease(NbGraderPreprocessor):
    """The first step of autograding: put the released notebook, with the learner's answers in it, in place of theirs.

    It protects a notebook's structure: checks that were deleted, edited, doubled or tagged to be skipped, raised
    points, flipped flags, metadata that nbgrader cannot read. What an answer's code does when it runs is the other
    step's business.
    """

    release = Unicode(
        "course/{assignment}/{notebook}.ipynb", help="The released notebook, from the course's root."
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        ids = resources["nbgrader"]
        handed_in = Path(resources.get("metadata", {}).get("path") or ".") / f"{ids['notebook']}.ipynb"
        if handed_in.is_symlink():
            raise TlkitError(f"{handed_in} is a link to another file; it is not graded")
        path = Path(self.release.format(assignment=ids["assignment"], notebook=ids["notebook"]))
        if not path.is_file():
            raise TlkitError(f"{path.absolute()} is missing: the released notebook, without which {ids['notebook']} "
                             f"cannot be graded; `nbgrader generate_assignment {ids['assignment']}` makes it")
        submission = submission_of(nb)
        require_gradable(submission)
        restored, notes = rebuild(nbformat.read(path, as_version=4), submission)
        for note in notes:
            self.log.info("%s, %s: %s", ids.get("student", ""), ids["notebook"], note)
        if notes:
            add_notes(restored, notes)
        return restored, resources


class ExecuteInTwoKernels(NbGraderPreprocessor):
    """In place of nbgrader's Execute: answers run in a warm, sandboxed kernel, graded cells in another that asks it.

    The warm parents of a release are started once in a process.
    """

    sandbox = Bool(True, help="Whether answers run walled in; without, they run with all of your rights.").tag(config=True)
    release = Unicode(RestoreFromRelease.release.default_value, help=RestoreFromRelease.release.help).tag(config=True)
    submitted = Unicode("submitted/{student}/{assignment}", help="Where submissions lie, from the course's root.").tag(config=True)
    limits = Dict(help="What differs from the fields of tlkit.grading.kernel.Limits.").tag(config=True)
    allowance = Dict(help="What differs from the fields of tlkit.grading.sandbox.allowance.Allowance.").tag(config=True)

    _started: dict[tuple[str, bool], WarmParents] = {}

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        ids = resources["nbgrader"]
        path = Path(self.release.format(assignment=ids["assignment"], notebook=ids["notebook"])).resolve()
        self._drop_what_links_brought(ids, Path(resources.get("metadata", {}).get("path") or "."))
        secret = read_secret(Path.cwd())
        seeds = {} if secret is None else {name: list(secret.seeds(name)) for name in exercises_checked_in(path)}
        running = TwoKernels(self._parents(path), nb, path.parent, seeds, Limits(**self.limits), Allowance(**self.allowance))
        for index, remark in running.run().remarks.items():
            self.log.warning("%s, %s, cell %s: %s", ids.get("student", ""), ids["notebook"], index + 1, remark)
        for note in make_harmless(nb, nbformat.read(path, as_version=4)):
            self.log.warning("%s, %s: %s", ids.get("student", ""), ids["notebook"], note)
        return nb, resources

    def _parents(self, path: Path) -> WarmParents:
        key = str(path), self.sandbox
        if key not in self._started:
            require_sandbox(self.sandbox)
            self._started[key] = WarmParents([code_to_run(path)], self.sandbox).__enter__()
            atexit.register(self._started[key].close)
        return self._started[key]

    def _drop_what_links_brought(self, ids: dict, graded: Path) -> None:
        """nbgrader has copied what links in a submission point to."""
        submitted = Path(self.submitted.format(student=ids.get("student", ""), assignment=ids["assignment"]))
        for link in [path for path in submitted.rglob("*") if path.is_symlink()] if submitted.is_dir() else []:
            self.log.warning("%s is a link to elsewhere; it is not followed", link)
            with contextlib.suppress(OSError):
                (graded / link.relative_to(submitted)).unlink()
