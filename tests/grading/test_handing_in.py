"""`tlkit submit`: what the file holds, what a learner is told, and what is done with files that are not what they should be."""

import hashlib
import json
import os
import zipfile
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from tlkit.cli import app
from tlkit.course.units import find_unit, units
from tlkit.course.workspace import copy_missing
from tlkit.errors import TlkitError
from tlkit.grading import envelope as sealed
from tlkit.grading.envelope import Envelope, read_envelope, write_envelope
from tlkit.grading.handing_in import submit


@pytest.fixture
def work(tmp_path):
    copy_missing(tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def made(tmp_path):
    """A file that was handed in, with a notebook of no cells and a file beside it."""
    path = tmp_path / "ann.tlkit"
    write_envelope(path, Envelope("ann", "01_small", datetime(2026, 3, 1, 10, tzinfo=UTC),
                                  {"01_small.ipynb": '{"cells": []}\n', "progress.json": "ä\ud83d"}, {"python": "3.11"}))
    return path


def edited(path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def sheet_with(path, **changes) -> None:
    """The file with another first line, whose checksum is right: what somebody can do who knows the format."""
    first, *rest = path.read_text().splitlines()
    sheet = json.loads(first) | changes
    sheet.pop("sha256")
    sheet["sha256"] = hashlib.sha256(json.dumps(sheet, sort_keys=True).encode()).hexdigest()
    path.write_text("\n".join([json.dumps(sheet), *rest]) + "\n")


def test_what_was_put_in_comes_out_as_it_was(made):
    read = read_envelope(made)
    assert (read.student, read.unit, read.made_at.isoformat()) == ("ann", "01_small", "2026-03-01T10:00:00+00:00")
    assert read.files == {"01_small.ipynb": '{"cells": []}\n', "progress.json": "ä\ud83d"} and read.environment == {"python": "3.11"}


def test_line_ends_that_a_mail_program_turned_around_do_no_harm(made):
    made.write_bytes(made.read_bytes().replace(b"\n", b"\r\n"))
    assert read_envelope(made).student == "ann"


@pytest.mark.parametrize("unit", [unit.name for unit in units()])
def test_every_unit_can_be_handed_in(work, unit):
    done = submit(unit, "ann", work=work)
    read = read_envelope(done.path)
    assert set(read.files) == {notebook.name for notebook in find_unit(unit).notebooks}
    assert all(read.files[notebook.name] == (work / unit / notebook.name).read_text(encoding="utf-8") for notebook in find_unit(unit).notebooks)
    assert read.environment["python"] and read.environment["tlkit"]


def test_it_is_said_what_is_not_begun_gone_or_no_python_and_nothing_is_changed(work):
    path = work / "01_why_transfer" / "01_why_transfer.ipynb"
    content = json.loads(path.read_text())
    answers = [cell for cell in content["cells"] if cell["metadata"].get("nbgrader", {}).get("solution") and cell["cell_type"] == "code"]
    answers[0]["source"], answers[1]["source"] = "def sample(:\n", "%time x = 1"
    content["cells"].remove(answers[2])
    path.write_text(json.dumps(content))
    before = path.read_bytes()
    notes = "\n".join(submit("1", "ann", work=work).notes)
    names = [cell["metadata"]["nbgrader"]["grade_id"] for cell in answers]
    assert f"not Python, so worth nothing as they are: {names[0]}" in notes and f"no longer in the notebook: {names[2]}" in notes
    assert names[3] in notes.split("not begun:")[1] and "2 of " in notes and names[1] not in notes
    assert path.read_bytes() == before


def test_progress_of_the_unit_goes_along_and_of_no_other(work):
    entry = {"tries": 2, "hints_shown": 0, "points": 1.0, "max_points": 2.0, "first": "x", "last": "x", "right_since": None}
    (work / "progress.json").write_text(json.dumps({"version": 1, "exercises": {"01.sample": entry, "02.token_loss": entry}}))
    read = read_envelope(submit("01", "ann", work=work).path)
    assert set(json.loads(read.files["progress.json"])["exercises"]) == {"01.sample"}


def test_a_second_file_never_takes_the_place_of_the_first(work, monkeypatch):
    class Noon(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 3, 1, 12, tzinfo=tz)

    monkeypatch.setattr("tlkit.grading.handing_in.datetime", Noon)
    first = submit("00", "ann", work=work).path
    kept = first.read_bytes()
    with pytest.raises(TlkitError, match="is there already, made a moment ago"):
        submit("00", "ann", work=work)
    assert first.read_bytes() == kept and submit("00", "ben", work=work).path != first


@pytest.mark.parametrize("student", ["", ".", "..", "a/b", "../x", "a\\b", "-x", "ä", "a b", "x" * 65, "a\n", "x."])
def test_an_id_that_could_not_be_a_folder_is_refused(work, student):
    with pytest.raises(TlkitError, match="is no learner's id: up to 64 letters"):
        submit("00", student, work=work)


def test_no_copy_another_notebook_and_a_folder_that_cannot_be_written_are_one_sentence_each(work, tmp_path):
    (work / "00_start_here" / "00_start_here.ipynb").rename(tmp_path / "away.ipynb")
    with pytest.raises(TlkitError, match=r"is missing, so there is nothing to hand in; `tlkit lab 00` makes your copy"):
        submit("00", "ann", work=work)
    (work / "01_why_transfer" / "01_why_transfer.ipynb").write_bytes((tmp_path / "away.ipynb").read_bytes())
    with pytest.raises(TlkitError, match="is no notebook of 01_why_transfer: none of its answers' cells is there"):
        submit("01", "ann", work=work)
    (tmp_path / "file").write_text("")
    with pytest.raises(TlkitError, match="cannot be written: .*; --to names another folder"):
        submit("02", "ann", to=tmp_path / "file" / "below", work=work)


def test_the_command_says_what_is_in_it_and_where_it_is(work, monkeypatch):
    monkeypatch.chdir(work)
    done = CliRunner().invoke(app, ["submit", "00"], input="ann\n")
    assert done.exit_code == 0 and "answers are begun" in done.stdout and "this file is what you hand in" in done.stdout
    (path,) = (work / "handed_in").iterdir()
    assert path.name.startswith("00_start_here.ann.") and read_envelope(path).student == "ann"
    refused = CliRunner().invoke(app, ["submit", "00", "--student", "a/b"])
    assert refused.exit_code == 1


@pytest.mark.parametrize(("old", "new", "said"), [
    ('"student": "ann"', '"student": "bob"', "its first line is not what its checksum says"),
    ("cells", "balls", "01_small.ipynb in it is not what its checksum says"),
    ('"tlkit_submission": 1', '"tlkit_submission": 2', "made by another version of tlkit: its format is 2"),
    ('"tlkit_submission"', '"something"', "is no file that `tlkit submit` made"),
    ('"{', "[{", "is not what its checksum says"),
])
def test_a_changed_file_is_refused(made, old, new, said):
    edited(made, old, new)
    with pytest.raises(TlkitError, match=said):
        read_envelope(made)


def test_a_file_cut_off_anywhere_is_refused(made):
    whole = made.read_bytes()
    for length in range(0, len(whole) - 1, 7):
        made.write_bytes(whole[:length])
        with pytest.raises(TlkitError, match="ann.tlkit"):
            read_envelope(made)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/b.ipynb", "..", ".bashrc", "a\\b", "C:x", "\0", "", "x" * 200])
def test_a_name_that_is_a_path_is_refused_though_its_checksum_is_right(made, name):
    files = [{"name": name, "sha256": "0"}, {"name": "b", "sha256": "0"}]
    sheet_with(made, files=files)
    with pytest.raises(TlkitError, match="is no plain name of a file"):
        read_envelope(made)


@pytest.mark.parametrize("changes", [
    {"student": "../ann"}, {"student": 3}, {"unit": None}, {"files": []}, {"files": [1]}, {"files": {"a": 1}}, {"made_at": "yesterday"},
    {"made_at": "2026-01-01T00:00:00"}, {"made_at": "9999-12-31T23:59:59+00:00"}, {"files": [{"name": "a", "sha256": "0"}] * 2},
    {"files": [{"name": f"f{i}", "sha256": ""} for i in range(21)]}, {"files": [{"name": "a"}]}, {"environment": [1] * 100_000},
], ids=str)
def test_a_first_line_of_odd_content_is_one_sentence(made, changes):
    sheet_with(made, **changes)
    with pytest.raises(TlkitError) as caught:
        read_envelope(made)
    assert "\n" not in str(caught.value)


def test_links_pipes_folders_and_giants_are_not_read(made, tmp_path, monkeypatch):
    link = tmp_path / "link.tlkit"
    link.symlink_to(made)
    with pytest.raises(TlkitError, match="link.tlkit is not read: it is a link to another file"):
        read_envelope(link)
    os.mkfifo(tmp_path / "pipe.tlkit")
    with pytest.raises(TlkitError, match="is no plain file"):
        read_envelope(tmp_path / "pipe.tlkit")
    (tmp_path / "folder.tlkit").mkdir()
    with pytest.raises(TlkitError, match="folder.tlkit is not read: it is no plain file"):
        read_envelope(tmp_path / "folder.tlkit")
    monkeypatch.setattr(sealed, "MAX_BYTES", 100)
    with pytest.raises(TlkitError, match="has more than 0.0001 MB"):
        read_envelope(made)


def test_an_archive_that_would_unpack_to_gigabytes_is_not_opened(tmp_path):
    path = tmp_path / "bomb.tlkit"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../bomb", bytes(50_000_000))
    with pytest.raises(TlkitError, match="is no file that `tlkit submit` made"):
        read_envelope(path)


def test_lists_without_end_are_not_parsed(made):
    first, *rest = made.read_text().splitlines()
    made.write_text("\n".join([first, "[" * 1_000_000, *rest[1:]]))
    with pytest.raises(TlkitError, match="is not what its checksum says"):
        read_envelope(made)
    made.write_text('{"tlkit_submission": ' + "[" * 100_000)
    with pytest.raises(TlkitError, match="is no file that"):
        read_envelope(made)
