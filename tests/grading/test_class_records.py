"""A record of a graded notebook comes back as it was written, or says what is wrong with it."""

import json

import pytest

from tlkit.errors import TlkitError
from tlkit.grading.check import verdict_on
from tlkit.grading.records import (
    FAILED, Record, as_json, content_sha256, find_record, read_record, read_records, record_path, write_record,
)
from tlkit.grading.score import Score


def wrong(transfer, scratch):
    difference = transfer - scratch
    return difference.mean(), difference.std() / len(difference) ** 0.5


@pytest.fixture(scope="module")
def record() -> Record:
    verdicts = (verdict_on("01.paired_gain", {"paired_gain": wrong}), verdict_on("01.sample", {}))
    scores = (Score("01-paired_gain-check", verdicts[0].points, 2.0, "not yet \x00 \ud800 ü"),
              Score("01-explain", None, 2.0, "a person grades this"))
    return Record("ann", "01_why", "01_why", "0123456789ab", "2026-01-31T10:00:00+00:00", "ab" * 32, scores=scores,
                  verdicts=verdicts, notes=("checks were deleted",), seconds=1.5)


def test_a_record_comes_back_as_it_was(record, tmp_path):
    path = write_record(tmp_path, record)
    assert path == tmp_path / "graded" / "ann" / "01_why" / "01_why.json"
    assert read_record(path) == record == find_record(tmp_path, "ann", "01_why", "01_why")
    assert record.verdicts[0].diagnosis and record.verdicts[0].failing  # the parts that are hardest to carry
    assert record.points == record.verdicts[0].points and record.max_points == 2


def test_there_is_nothing_beside_the_record(record, tmp_path):
    write_record(tmp_path, record)
    write_record(tmp_path, record)
    assert [path.name for path in (tmp_path / "graded").rglob("*") if path.is_file()] == ["01_why.json"]


def test_a_half_written_record_is_none(record, tmp_path):
    path = write_record(tmp_path, record)
    path.rename(path.with_name(".01_why.json.x.part"))
    assert find_record(tmp_path, "ann", "01_why", "01_why") is None
    assert read_records(tmp_path) == ([], [])


def test_records_are_read_in_order_and_damaged_ones_named(record, tmp_path):
    import dataclasses

    for student, assignment in (("zoe", "01_why"), ("ann", "02"), ("ann", "01_why"), ("bad", "01_why")):
        write_record(tmp_path, dataclasses.replace(record, student=student, assignment=assignment))
    record_path(tmp_path, "bad", "01_why", "01_why").write_text("{")
    found, faults = read_records(tmp_path)
    assert [each.key[:2] for each in found] == [("ann", "01_why"), ("ann", "02"), ("zoe", "01_why")]
    assert len(faults) == 1 and "bad" in faults[0] and "is damaged: it is not JSON" in faults[0]
    assert [each.student for each in read_records(tmp_path, "02")[0]] == ["ann"]


def test_a_refusal_is_a_record_too(tmp_path):
    refused = Record("ann", "01_why", "01_why", outcome=FAILED, reason="the sandbox did not start")
    assert read_record(write_record(tmp_path, refused)) == refused


# what is wrong -> how it is done, a passage of the sentence that says so
DAMAGED = {
    "a field is missing": (lambda content: content.pop("outcome"), "'outcome' is missing"),
    "a field of another kind": (lambda content: content.update(seconds="long"), "seconds is str where float is due"),
    "a field that is not known": (lambda content: content.update(grade=1), "a field 'grade'"),
    "not a number": (lambda content: content["scores"][0].update(points=float("nan")), "points is nan"),
    "another outcome": (lambda content: content.update(outcome="fine"), "its outcome is 'fine'"),
    "another version": (lambda content: content.update(version=2), "its version is 2"),
    "a time without zone": (lambda content: content.update(submitted_at="2026-01-31T10:00:00"), "has no time zone"),
    "a verdict without outcome": (lambda content: content["verdicts"][0].update(outcome="so so"), "'so so'"),
    "of somebody else": (lambda content: content.update(student="zoe"), "it says that it is of zoe"),
    "a path for a name": (lambda content: content.update(student="../zoe"), "is not the name of a folder"),
    "groups that are texts": (lambda content: content["verdicts"][0].update(groups={"a": "yes"}), "neither passed nor failed"),
    "a list": (lambda content: content.update(verdicts=[[]]), "no object with fields"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_record_is_one_sentence(what, record, tmp_path):
    damage, passage = DAMAGED[what]
    path, content = write_record(tmp_path, record), as_json(record)
    content = json.loads(json.dumps(content))
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(TlkitError) as error:
        read_record(path)
    assert passage in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(name, tmp_path):
    with pytest.raises(TlkitError, match="is not the name of a folder or file"):
        record_path(tmp_path, name, "01_why", "01_why")


def test_what_could_not_be_read_back_is_not_written(record, tmp_path):
    import dataclasses

    with pytest.raises(TlkitError, match="seconds is inf"):
        write_record(tmp_path, dataclasses.replace(record, seconds=float("inf")))
    assert not list(tmp_path.rglob("*.json"))


def test_the_content_is_known_by_its_sha256(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert content_sha256(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
