import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tlkit import files
from tlkit.course import workspace
from tlkit.course.build import build
from tlkit.course.lab import aside_of_home, lab_command, lab_environment
from tlkit.course.units import find_notebook, find_unit, release_of, units
from tlkit.course.workspace import copy_missing, reset, update, work_folder
from tlkit.errors import TlkitError


@pytest.fixture
def released(root) -> Path:
    build(root)
    return root / "course"


@pytest.fixture
def work(tmp_path) -> Path:
    return tmp_path / "learner" / "work"


@pytest.fixture
def notebook(work, released) -> Path:
    """A learner's copy."""
    copy_missing(work, released)
    return work / "07_tiny" / "07_tiny.ipynb"


def answer(notebook: Path, grade_id: str, source: str) -> None:
    """Write an answer as JupyterLab saves it."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    cell = next(c for c in content["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)
    cell["source"] = source.splitlines(keepends=True)
    notebook.write_text(json.dumps(content, indent=1), encoding="utf-8")


def source_of(notebook: Path, grade_id: str) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return next("".join(c["source"]) for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_unit_knows_its_number_title_and_release(released):
    unit = find_unit("7", released)
    assert (unit.number, unit.name, unit.title) == ("07", "07_tiny", "Tiny")
    assert [path.name for path in unit.notebooks] == ["07_tiny.ipynb"]
    assert re.fullmatch("[0-9a-f]{12}", unit.release) and units(released) == [unit]


def test_an_unknown_unit_names_those_there_are(released):
    with pytest.raises(TlkitError, match="no unit '08'; units here: 07_tiny"):
        find_unit("08", released)


def test_missing_units_are_copied_and_nothing_is_overwritten(work, released, notebook):
    assert everything(work) == everything(released)
    answer(notebook, "07-double", "mine")
    (work / "07_tiny" / "picture.png").unlink()
    before = everything(work)
    assert copy_missing(work, released) == []
    assert everything(work) == before
    assert sorted(path.name for path in work.iterdir()) == ["07_tiny"]


def test_copies_live_in_the_checkout_or_where_one_starts(root, tmp_path, work, notebook):
    assert work_folder(root / "solutions" / "07_tiny") == root / "work"
    assert work_folder(tmp_path) == tmp_path / "work"
    assert work_folder(work / "07_tiny") == work_folder(work) == work


def test_reset_keeps_the_copy_under_the_time_of_day(work, released, notebook):
    answer(notebook, "07-double", "mine")
    said = reset("07", work, released)
    kept = [path for path in work.iterdir() if re.fullmatch(r"07_tiny\.\d{4}-\d\d-\d\dT\d{6}", path.name)]
    assert len(kept) == 1 and str(kept[0]) in said
    assert source_of(kept[0] / "07_tiny.ipynb", "07-double") == "mine"
    assert everything(notebook.parent) == everything(released / "07_tiny")


def test_resetting_twice_within_a_second_keeps_both(work, released, notebook):
    answer(notebook, "07-double", "first")
    reset("07", work, released)
    answer(notebook, "07-double", "second")
    reset("07", work, released)
    kept = {source_of(path / "07_tiny.ipynb", "07-double") for path in work.iterdir() if path.name != "07_tiny"}
    assert kept == {"first", "second"}


def test_a_reset_that_fails_leaves_the_copy_where_it_was(work, released, notebook, monkeypatch):
    answer(notebook, "07-double", "mine")
    before = everything(work)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(TlkitError, match="No space left on device"):
        reset("07", work, released)
    assert everything(work) == before


def test_a_disk_that_is_full_leaves_no_half_unit(work, released, monkeypatch):
    copy = shutil.copyfile

    def full_after_one(source, target, **_kwargs):
        if str(source).endswith(".png"):
            raise OSError(28, "No space left on device", str(target))
        return copy(source, target)

    monkeypatch.setattr(workspace, "_copy_file", full_after_one)
    with pytest.raises(TlkitError, match="No space left on device") as caught:
        copy_missing(work, released)
    assert "\n" not in str(caught.value) and list(work.iterdir()) == []


def test_a_work_folder_that_cannot_be_made_is_one_line(tmp_path, released):
    (tmp_path / "work").write_text("a file in its place")
    with pytest.raises(TlkitError, match="work: .*; tlkit must write to"):
        copy_missing(tmp_path / "work", released)


def test_a_work_folder_that_is_read_only_is_one_line(tmp_path, released, monkeypatch):
    def forbidden(**arguments):
        raise PermissionError(13, "Permission denied", str(arguments["dir"]))

    monkeypatch.setattr(workspace.tempfile, "mkdtemp", forbidden)   # root may write where the mode says no
    with pytest.raises(TlkitError, match="work: Permission denied; tlkit must write to"):
        copy_missing(tmp_path / "work", released)


def test_a_copy_that_is_not_json_is_named_and_left_alone(work, released, notebook):
    notebook.write_text("{ not json")
    (line,) = copy_missing(work, released)
    assert "07_tiny.ipynb is not a notebook" in line and "tlkit reset 07" in line and "\n" not in line
    assert notebook.read_text() == "{ not json"
    with pytest.raises(TlkitError, match="is not a notebook"):
        update("07", True, work, released)
    assert sorted(path.name for path in work.iterdir()) == ["07_tiny"]


@pytest.fixture
def newer(root, edit, notebook):
    """A newer release: prose and one stub changed, the quiz gone."""
    edit("# Twice is twice.", "# Twice is two times.")
    edit('"""Twice the number."""', '"""Two times the number."""')
    text = (root / "solutions" / "07_tiny" / "07_tiny.py").read_text(encoding="utf-8")
    start, end = text.index('# %% nbgrader={"grade": false, "grade_id": "07-quiz"'), text.index("# %% [markdown] nbgrader")
    (root / "solutions" / "07_tiny" / "07_tiny.py").write_text(text[:start] + text[end:], encoding="utf-8")
    build(root)


def test_a_newer_release_is_said_and_not_taken(work, released, notebook, newer):
    before = everything(work)
    (line,) = copy_missing(work, released)
    assert line.startswith("there is a newer release of 07_tiny; `tlkit update 07") and "\n" not in line
    assert everything(work) == before


def test_an_update_stands_beside_the_copy(work, released, notebook, newer):
    answer(notebook, "07-double", "mine")
    before = everything(notebook.parent)
    said = update("07", False, work, released)
    beside = work / f"07_tiny.{find_unit('07', released).release}"
    assert str(beside) in said and everything(beside) == everything(released / "07_tiny")
    assert everything(notebook.parent) == before
    assert copy_missing(work, released) == [f"the newest release of 07_tiny is in {beside}"]
    with pytest.raises(TlkitError, match="is there already"):
        update("07", False, work, released)


def test_answers_are_carried_by_exercise(work, released, notebook, newer):
    answer(notebook, "07-double", 'def double(number):\n    return 2 * number  # "ü"')
    answer(notebook, "07-quiz", 'answers = ["a"]')
    answer(notebook, "07-explain", "Because.\n\nTruly.")
    said = update("07", True, work, released)
    fresh = work / f"07_tiny.{find_unit('07', released).release}" / "07_tiny.ipynb"
    assert source_of(fresh, "07-double") == 'def double(number):\n    return 2 * number  # "ü"'
    assert source_of(fresh, "07-explain") == "Because.\n\nTruly."
    assert "carried: 07-double, 07-explain" in said
    assert "not carried: 07-quiz, which the new release no longer has" in said
    assert "look at it again: 07-double, whose starting point has changed" in said
    assert release_of(fresh) == find_unit("07", released).release


def test_what_was_not_begun_is_not_carried(work, released, notebook, newer):
    said = update("07", True, work, released)
    fresh = work / f"07_tiny.{find_unit('07', released).release}"
    assert everything(fresh) == everything(released / "07_tiny")
    assert "carried: nothing, since no answer was begun" in said


def test_cells_of_ones_own_are_counted(work, released, notebook, newer):
    content = json.loads(notebook.read_text(encoding="utf-8"))
    content["cells"].append({"id": "mine", "cell_type": "markdown", "metadata": {}, "source": "A note to myself"})
    notebook.write_text(json.dumps(content), encoding="utf-8")
    assert "not carried: 1 cell of your own" in update("07", True, work, released)


def test_the_newest_release_needs_no_update(work, released, notebook):
    assert "is the newest release" in update("07", True, work, released)
    assert sorted(path.name for path in work.iterdir()) == ["07_tiny"]


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    files.write_text(path, "before")

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError):
        files.write_text(path, "after")
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_jupyterlab_opens_the_unit_without_news_and_keeps_further_options(tmp_path):
    command = lab_command(tmp_path, "07_tiny", "07_tiny.ipynb", ["--no-browser", "--port", "8890"])
    assert f"--ServerApp.root_dir={tmp_path}" in command
    assert "--LabApp.default_url=/lab/tree/07_tiny/07_tiny.ipynb" in command
    assert "--LabApp.news_url=None" in command and command[-3:] == ["--no-browser", "--port", "8890"]
    settings = Path(lab_environment()["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0])
    assert json.loads((settings / "nbgrader_config.json").read_text())["Execute"]["timeout"] >= 60


def test_a_unit_of_two_notebooks_has_one_title_and_each_can_be_opened(released, notebook):
    first = notebook_with_heading(notebook, "# 07 Tiny: one")
    (first.parent / "07a_one.ipynb").write_text(first.read_text(encoding="utf-8"), encoding="utf-8")
    second = first.rename(first.with_name("07b_many.ipynb"))
    notebook_with_heading(second, "# 07 Tiny: many")
    folder = first.parents[1]
    assert find_unit("07", folder).title == "Tiny"
    assert [find_notebook(name, folder)[1].name for name in ("07", "07_tiny", "07a", "07b", "07b_many")] == [
        "07a_one.ipynb", "07a_one.ipynb", "07a_one.ipynb", "07b_many.ipynb", "07b_many.ipynb"]
    with pytest.raises(TlkitError, match="no unit '07c'"):
        find_notebook("07c", folder)


def notebook_with_heading(path: Path, heading: str) -> Path:
    content = json.loads(path.read_text(encoding="utf-8"))
    content["cells"][0]["source"] = [heading]
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_in_a_home_that_cannot_be_written_jupyterlab_keeps_its_settings_elsewhere(tmp_path, monkeypatch):
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "XDG_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert aside_of_home() == {}
    (tmp_path / "home").write_text("no folder")  # root writes into a folder whatever its mode says
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    moved = aside_of_home()
    assert set(moved) == {"JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "MPLCONFIGDIR"}
    assert all(Path(folder).parent.is_dir() and not folder.startswith(str(tmp_path / "home")) for folder in moved.values())
    Path(moved["JUPYTER_DATA_DIR"]).parent.rmdir()
