"""A small course whose submissions are graded as a class's are: by warm, sandboxed kernels that a module shares."""

import json
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from tests.grading.conftest import ANSWERS, graded
from tlkit.exercises import find_exercise
from tlkit.grading.classwork.course import code_to_run
from tlkit.grading.classwork.marking import Job, mark
from tlkit.grading.sandbox import bubblewrap
from tlkit.grading.warm.parents import WarmParents

SEEDS = {"01.tuned_baseline": [11], "01.paired_gain": [12], "01.quiz": []}
SHORT = {"cell_seconds": 6.0, "grace_seconds": 2.0, "sent_bytes": 3_000_000, "restarts": 3, "notebook_seconds": 60,
         "memory_bytes": 1 << 30, "disk_bytes": 32 << 20}
STUBS = {"01-tuned_baseline": "def tuned_test_accuracy(val_accuracy, test_accuracy):\n    ...",
         "01-paired_gain": "def paired_gain(transfer, scratch):\n    ...", "01-quiz": "answers = [\n    ...\n]",
         "square": "def square(x):\n    ..."}
WRONG = {"01-tuned_baseline": "def tuned_test_accuracy(val_accuracy, test_accuracy):\n    return test_accuracy.max(axis=0)",
         "01-paired_gain": "def paired_gain(transfer, scratch):\n    return None",
         "01-quiz": "answers = ['c', 'c', 'c', 'c', 'a']", "square": "def square(x):\n    return None"}
RIGHT = ANSWERS | {"square": "def square(x):\n    return x * x"}
TESTS = {"square-shown": ("assert square(3) == 9", 1), "square-more": ("for v in (2, -3, 0.5):\n    r = square(v)\n"
         "    assert isinstance(r, (int, float)) and abs(r - v * v) < 1e-9, 'wrong'", 2)}
POINTS = {"01-tuned_baseline-check": 2.0, "01-paired_gain-check": 2.0, "01-quiz-check": 5.0, "square-shown": 1.0,
          "square-more": 2.0}
WORTH = sum(POINTS.values())


def needs_sandbox() -> None:
    """A failure where a sandbox is required (TLKIT_REQUIRE_SANDBOX=1), a skip elsewhere."""
    reason = bubblewrap.why_not()
    if reason and os.environ.get("TLKIT_REQUIRE_SANDBOX") == "1":
        pytest.fail(f"TLKIT_REQUIRE_SANDBOX=1, but {reason}", pytrace=False)
    if reason:
        pytest.skip(reason)


def make_release(folder: Path) -> Path:
    """A released unit of checks by id, and of tests that are written out, as other courses have them."""
    folder.mkdir(parents=True)
    cells = [
        v4.new_markdown_cell("# 01 Small", id="small-1"),
        v4.new_code_cell("import numpy as np\n\nfrom tlkit import check", id="small-2", metadata={"tags": ["setup"]}),
        v4.new_code_cell("print('only shown')", id="small-3", metadata={"tags": ["demo"]}),
    ]
    for name in ("01-tuned_baseline", "01-paired_gain", "01-quiz"):
        exercise_id = name.replace("-", ".", 1)
        cells.append(graded(v4.new_code_cell(STUBS[name], id=name), solution=True))
        check = v4.new_code_cell(f'check("{exercise_id}")', id=f"{name}-check")
        cells.append(graded(check, grade=True, locked=True, points=find_exercise(exercise_id).points))
    cells.append(graded(v4.new_code_cell(STUBS["square"], id="square"), solution=True))
    cells += [graded(v4.new_code_cell(source, id=name), grade=True, locked=True, points=points)
              for name, (source, points) in TESTS.items()]
    cells.append(graded(v4.new_markdown_cell("YOUR ANSWER HERE", id="01-explain"), grade=True, solution=True, points=2))
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"},
                "tlkit": {"unit": "01_small", "release": "0123456789ab"}}
    path = folder / "01_small.ipynb"
    path.write_text(nbformat.writes(v4.new_notebook(cells=cells, metadata=metadata)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def release(tmp_path_factory) -> Path:
    return make_release(tmp_path_factory.mktemp("course") / "course" / "01_small")


@pytest.fixture(scope="session")
def parents(release):
    """Sandboxed warm parents for the small unit."""
    needs_sandbox()
    with WarmParents([code_to_run(release)]) as started:
        assert started.prepare(SEEDS) == []
        yield started


def submission(release: Path, answers: dict[str, str], before: str = "", edit=None) -> dict:
    """A learner's notebook: answers by cell, a cell of their own before them, and whatever else is edited."""
    content = json.loads(release.read_text(encoding="utf-8"))
    cells = {cell["id"]: cell for cell in content["cells"]}
    for name, source in answers.items():
        cells[name]["source"] = source
    if before:
        content["cells"].insert(2, json.loads(json.dumps(v4.new_code_cell(before, id="own"))))
    if edit:
        edit(content, cells)
    return content


def grade(parents, release: Path, content: dict | bytes | None, seeds=SEEDS, files=None, tests=None, **options):
    """Grade one submission; what came of it. `tests` replace those of the release, `files` lie beside it."""
    data = content if content is None or isinstance(content, bytes) else json.dumps(content).encode()
    released = nbformat.read(release, as_version=4)
    for cell in released.cells:
        cell.source = (tests or {}).get(cell.id, cell.source)
    job = Job("ann", "01_small", "01_small", data, nbformat.writes(released), files or {}, seeds=seeds,
              options=SHORT | {"feedback": False} | options)
    return mark(job, parents)


def points_of(marked) -> dict[str, float]:
    return {score["grade_id"]: score["points"] for score in marked.scores if score["points"] is not None}


def total(marked) -> float:
    return sum(points_of(marked).values())


@pytest.fixture
def course(release, tmp_path) -> Path:
    """A course's root with the small unit's release and no submissions."""
    shutil.copytree(release.parent, tmp_path / "class" / "course" / "01_small")
    (tmp_path / "class" / "nbgrader_config.py").write_text(
        "from tlkit.course.release import configure\nc = get_config()\nconfigure(c)\n")
    return tmp_path / "class"


def hand_in(course: Path, student: str, content: dict | bytes) -> Path:
    folder = course / "submitted" / student / "01_small"
    folder.mkdir(parents=True)
    path = folder / "01_small.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    (folder / "timestamp.txt").write_text("2026-11-20 10:00:00 UTC")
    return path
