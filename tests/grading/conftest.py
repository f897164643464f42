"""What tests of grading share: a released unit that is graded in a second or two, and unit 98 of example exercises."""

import json
import sys
from pathlib import Path

import pytest
from nbformat import v4, writes
from nbgrader.utils import compute_checksum

from tlkit import exercises
from tlkit.exercises import find_exercise
from tlkit.grading import trial

ANSWERS = {
    "01-tuned_baseline": "def tuned_test_accuracy(val_accuracy, test_accuracy):\n"
                         "    return test_accuracy[val_accuracy.mean(axis=1).argmax()]",
    "01-paired_gain": "def paired_gain(transfer, scratch):\n    difference = transfer - scratch\n"
                      "    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))",
    "01-quiz": 'answers = ["b", "a", "b", "b", "c"]',
}
STUBS = {
    "01-tuned_baseline": "def tuned_test_accuracy(val_accuracy, test_accuracy):\n    ...",
    "01-paired_gain": "def paired_gain(transfer, scratch):\n    ...",
    "01-quiz": "answers = [\n    ...\n]",
}
POINTS = {"01-tuned_baseline-check": 2.0, "01-paired_gain-check": 2.0, "01-quiz-check": 5.0}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A folder of released units with one unit in it."""
    folder = tmp_path / "released" / "01_small"
    folder.mkdir(parents=True)
    cells = [
        v4.new_markdown_cell("# 01 Small", id="small-1"),
        v4.new_code_cell("import numpy as np\n\nfrom tlkit import check", id="small-2", metadata={"tags": ["setup"]}),
        v4.new_code_cell("print('only shown')", id="small-3", metadata={"tags": ["demo"]}),
    ]
    for name, stub in STUBS.items():
        exercise_id = name.replace("-", ".", 1)
        cells.append(graded(v4.new_code_cell(stub, id=name), solution=True))
        check = v4.new_code_cell(f'check("{exercise_id}")', id=f"{name}-check")
        cells.append(graded(check, grade=True, locked=True, points=find_exercise(exercise_id).points))
    cells.append(graded(v4.new_markdown_cell("YOUR ANSWER HERE", id="01-explain"), grade=True, solution=True, points=2))
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"},
                "tlkit": {"unit": "01_small", "release": "0123456789ab"}}
    (folder / "01_small.ipynb").write_text(writes(v4.new_notebook(cells=cells, metadata=metadata)), encoding="utf-8")
    return tmp_path / "released"


def graded(cell, **flags):
    cell.metadata.nbgrader = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3,
                              "cell_type": cell.cell_type, "grade_id": cell.id, **flags}
    cell.metadata.nbgrader.checksum = compute_checksum(cell)
    return cell


@pytest.fixture
def notebook(released: Path, tmp_path: Path) -> Path:
    """A learner's copy with every answer right."""
    path = tmp_path / "work" / "01_small.ipynb"
    path.parent.mkdir()
    content = json.loads((released / "01_small" / "01_small.ipynb").read_text(encoding="utf-8"))
    for cell in content["cells"]:
        cell["source"] = ANSWERS.get(cell["id"], cell["source"])
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


def change(notebook: Path, edit) -> None:
    """Edit a notebook's JSON: `edit` gets the content, its cells by id, and changes them in place."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    edit(content, {cell["id"]: cell for cell in content["cells"]})
    notebook.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def example_unit(monkeypatch):
    """The records of unit 98, registered for the time of a test."""
    from tests.grading.examples import records

    monkeypatch.setitem(exercises._UNITS, "98", records.__name__)
    monkeypatch.setitem(sys.modules, records.__name__, records)
    trial.forget()
    yield records
    trial.forget()
