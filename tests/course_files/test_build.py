import difflib
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tlkit.course.build import build, differences
from tlkit.course.units import checkout, units
from tlkit.errors import TlkitError

POINTS = {"07.double": 2, "07.quiz": 2}


def released(root: Path) -> Path:
    return root / "course" / "07_tiny" / "07_tiny.ipynb"


def changed_lines(before: str, after: str) -> list[str]:
    """The lines of `after` that are not in `before`, stripped."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[2:].strip() for line in lines if line.startswith("+ ")]


def test_a_release_shows_the_stub_and_no_answer(root):
    build(root)
    notebook = nbformat.read(released(root), as_version=4)
    by_id = {cell.id: cell for cell in notebook.cells}
    assert by_id["07-double"].source == 'def double(number):\n    """Twice the number."""\n    ...'
    assert by_id["07-quiz"].source == "answers = [\n    ...\n]"
    assert by_id["07-explain"].source == "YOUR ANSWER HERE"
    assert by_id["07-double-check"].source == 'check("07.double")'
    assert by_id["07-double-check"].metadata.nbgrader.points == 2
    assert by_id["07-double-check"].metadata.deletable is False


def test_a_release_carries_nothing_of_the_machine(root):
    build(root)
    notebook = nbformat.read(released(root), as_version=4)
    assert notebook.metadata.kernelspec.name == "python3"
    assert "version" not in notebook.metadata.language_info and "jupytext" not in notebook.metadata
    assert notebook.metadata.tlkit.unit == "07_tiny" and len(notebook.metadata.tlkit.release) == 12
    assert all(cell.execution_count is None and not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    assert not any("lines_to_next_cell" in cell.metadata for cell in notebook.cells)
    assert [cell.metadata.tags for cell in notebook.cells if "tags" in cell.metadata] == [["demo"], ["setup"]]


def test_ids_come_from_the_grade_id_or_the_heading(root):
    build(root)
    assert [cell.id for cell in nbformat.read(released(root), as_version=4).cells] == [
        "07-tiny-1", "install-where-missing", "07-tiny-2", "double-it-1", "07-double", "07-double-check", "double-it-2",
        "07-quiz", "07-quiz-check", "07-explain", "remember-1",
    ]


def test_assets_are_released_and_python_is_not(root):
    build(root)
    names = sorted(path.name for path in (root / "course").rglob("*") if path.is_file())
    assert names == ["07_tiny.ipynb", "picture.png"]


def test_building_twice_changes_nothing(root):
    assert build(root)
    before = released(root).read_bytes()
    assert build(root) == []
    assert released(root).read_bytes() == before


def test_a_line_of_prose_changes_one_line_and_the_release_id(root, edit):
    build(root)
    before = released(root).read_text(encoding="utf-8")
    edit("# Twice is twice.", "# Twice is two times.")
    build(root)
    prose, release = changed_lines(before, released(root).read_text(encoding="utf-8"))
    assert prose == '"Twice is two times."' and release.startswith('"release":')


def test_a_line_of_an_answers_cell_changes_its_checksum_too(root, edit):
    build(root)
    before = released(root).read_text(encoding="utf-8")
    edit('"""Twice the number."""', '"""Two times the number."""')
    build(root)
    checksum, line, release = changed_lines(before, released(root).read_text(encoding="utf-8"))
    assert checksum.startswith('"checksum":') and "Two times" in line and release.startswith('"release":')


def test_line_ends_of_another_system_are_the_same_release(root, source):
    build(root)
    before = released(root).read_bytes()
    source.write_bytes(source.read_bytes().replace(b"\n", b"\r\n"))
    assert build(root) == [] and released(root).read_bytes() == before


def test_what_has_no_source_any_more_is_removed(root):
    build(root)
    stale = [root / "course" / "07_tiny" / "old.png", root / "course" / "06_gone" / "06_gone.ipynb"]
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
    assert sorted(build(root)) == sorted(stale)
    assert not any(path.exists() for path in stale) and not stale[1].parent.exists()


def test_check_writes_nothing(root):
    before = sorted(root.rglob("*"))
    assert differences(root, expected_points=POINTS.get) == [
        "course/07_tiny/07_tiny.ipynb is missing; run `tlkit build`",
        "course/07_tiny/picture.png is missing; run `tlkit build`",
    ]
    assert sorted(root.rglob("*")) == before


def test_check_names_what_differs_and_what_is_stale(root, edit):
    build(root)
    assert differences(root) == []
    edit("# Twice is twice.", "# Twice is two times.")
    (root / "course" / "07_tiny" / "notes.txt").write_text("left over")
    stale, different = differences(root)
    assert stale == "course/07_tiny/notes.txt has no source in solutions/; run `tlkit build`"
    assert different.startswith("course/07_tiny/07_tiny.ipynb is not what its source gives, from line")


@pytest.mark.parametrize("leak, line", [
    ("    twice_the_number = number + number", "twice_the_number = number + number"),
    ("def double_by_product(number):", "def double_by_product(number):"),
    ("A mark scheme that nobody but the instructor may read.", "A mark scheme that nobody"),
    ('answers = [\n    "b",\n    "a",\n]', '"b",'),
])
def test_check_finds_an_answer_in_the_release(root, leak, line):
    build(root)
    notebook = nbformat.read(released(root), as_version=4)
    notebook.cells[2].source = leak
    nbformat.write(notebook, released(root))
    faults = [fault for fault in differences(root) if fault.startswith("course/07_tiny/07_tiny.ipynb holds an answer")]
    assert faults and line in faults[0]


def test_check_finds_an_answer_in_an_output(root):
    build(root)
    notebook = nbformat.read(released(root), as_version=4)
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="hm\n    twice_the_number = number + number\n")]
    nbformat.write(notebook, released(root))
    assert any("holds an answer of 07_tiny" in fault for fault in differences(root))


def test_a_line_that_another_unit_shows_is_no_leak_but_a_whole_answer_is(root):
    other = root / "solutions" / "08_other"
    other.mkdir()
    (other / "08_other.py").write_text("# %%\nnumber = 1\ntwice_the_number = number + number\n")
    build(root)
    assert differences(root) == []
    (other / "08_other.py").write_text("# %%\nnumber = 1\ntwice_the_number = number + number\nreturn_it = 3\n"
                                       "def f():\n    return twice_the_number\n")
    build(root)
    assert differences(root) == ["course/08_other/08_other.ipynb holds an answer of 07_tiny: "
                                 "twice_the_number = number + number"]


FAULTS = {
    "    ### END SOLUTION\n\n# %% nbgrader={\"grade\": true, \"grade_id\": \"07-double-check\"":
        ("\n# %% nbgrader={\"grade\": true, \"grade_id\": \"07-double-check\"", "without ### END SOLUTION"),
    '"grade_id": "07-quiz",': ('"grade_id": "07-double",', "'07-double' is taken by the cell in line 25"),
    'check("07.double")': ('check("07.double")\nprint(double(2))', 'holds one check("id") and nothing else'),
    '"points": 2, "schema_version": 3, "solution": false, "task": false}\ncheck("07.double")':
        ('"points": 3, "schema_version": 3, "solution": false, "task": false}\ncheck("07.double")',
         "3 points for 07.double, and its record says 2"),
    'check("07.quiz")': ('check("07.double")', "should be '07-double-check', not '07-quiz-check'"),
    'print("a cell of no weight")': ('print("a cell of no weight"', "line 36: not Python"),
    "import math": ("### BEGIN SOLUTION\nimport math\n### END SOLUTION", 'does not say "solution": true'),
    '# %% tags=["setup"]': ('# %% tags=["setup]', "metadata is not key=JSON"),
    '"grade_id": "07-explain"': ('"grade_id": "07 explain"', "should be 1 to 64 letters, digits"),
}


@pytest.mark.parametrize("old", FAULTS)
def test_a_faulty_source_is_one_line_with_the_place(root, source, edit, old):
    new, message = FAULTS[old]
    edit(old, new)
    with pytest.raises(TlkitError) as caught:
        build(root, expected_points=POINTS.get)
    assert message in str(caught.value) and str(source) in str(caught.value) and "\n" not in str(caught.value)
    assert not released(root).exists()


def test_an_unknown_unit_names_those_there_are(root):
    with pytest.raises(TlkitError, match="no unit '9'; units here: 07_tiny"):
        build(root, "9")


@pytest.mark.parametrize("name", ["7", "07", "07_tiny", "solutions/07_tiny/"])
def test_a_unit_goes_by_number_or_name(root, name):
    assert released(root) in build(root, name)


def test_an_edit_of_the_source_notebook_is_not_lost(root, source):
    build(root)
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    notebook.cells[-1].source += "\n\nAdded without jupytext."
    nbformat.write(notebook, source.with_suffix(".ipynb"))
    later = source.stat().st_mtime + 10
    os.utime(source.with_suffix(".ipynb"), (later, later))
    with pytest.raises(TlkitError, match="jupytext --sync"):
        build(root)
    assert "Added without jupytext" in source.with_suffix(".ipynb").read_text(encoding="utf-8")


def test_a_source_notebook_that_says_the_same_keeps_its_outputs(root, source):
    build(root)
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    notebook.cells[5].outputs = [nbformat.v4.new_output("stream", text="kept")]
    nbformat.write(notebook, source.with_suffix(".ipynb"))
    build(root)
    assert "kept" in source.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert "kept" not in released(root).read_text(encoding="utf-8")


def test_an_edit_in_jupyterlab_reaches_the_source_and_back(root, source):
    from jupytext.sync_contentsmanager import build_sync_jupytext_contents_manager_class
    from jupyter_server.services.contents.largefilemanager import LargeFileManager

    config = Path(__file__).parents[2] / "solutions" / "jupytext.toml"
    (root / "solutions" / "jupytext.toml").write_text(config.read_text(encoding="utf-8"), encoding="utf-8")
    build(root)
    manager = build_sync_jupytext_contents_manager_class(LargeFileManager)(root_dir=str(root))
    model = manager.get("solutions/07_tiny/07_tiny.ipynb")
    check = next(c for c in model["content"]["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "07-quiz-check")
    check["metadata"]["nbgrader"]["points"] = 4                       # nbgrader's toolbar does no more than this
    manager.save(dict(type="notebook", content=model["content"]), "solutions/07_tiny/07_tiny.ipynb")
    text = source.read_text(encoding="utf-8")
    assert '"grade_id": "07-quiz-check", "locked": true, "points": 4' in text
    assert 'tags=["setup"]' in text and "checksum" not in text

    source.write_text(text.replace("Twice is twice.", "Twice is two times."), encoding="utf-8")
    later = source.with_suffix(".ipynb").stat().st_mtime + 10
    os.utime(source, (later, later))
    model = manager.get("solutions/07_tiny/07_tiny.ipynb")
    assert "Twice is two times." in model["content"]["cells"][-1]["source"]
    build(root)
    assert not (root / "course" / "07_tiny" / "07_tiny.py").exists() and differences(root) == []


def test_plain_nbgrader_gives_the_same_bytes_and_fills_its_gradebook(root, source):
    project = Path(__file__).parents[2]
    build(root)
    before = released(root).read_bytes()
    (source.parent / "alternatives.ipynb").write_bytes(source.with_suffix(".ipynb").read_bytes())
    (root / "nbgrader_config.py").write_text((project / "nbgrader_config.py").read_text(encoding="utf-8"), encoding="utf-8")
    scripts = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run([sys.executable, "-m", "nbgrader", "generate_assignment", "07_tiny"], cwd=root, check=True,
                   env=os.environ | {"PATH": scripts}, capture_output=True, timeout=120)
    assert released(root).read_bytes() == before
    assert sorted(path.name for path in released(root).parent.iterdir()) == ["07_tiny.ipynb", "picture.png"]
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        assert gradebook.find_assignment("07_tiny").max_score == 5


@pytest.mark.parametrize("unit", [unit.name for unit in units()])
def test_each_real_unit_is_as_its_source_gives(unit):
    from tlkit.exercises import find_exercise

    assert differences(checkout(), unit, lambda exercise_id: find_exercise(exercise_id).points) == []
    notebooks = sorted((checkout() / "course" / unit).glob("*.ipynb"))
    assert notebooks
    for notebook in notebooks:
        assert json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["tlkit"]["unit"] == unit
