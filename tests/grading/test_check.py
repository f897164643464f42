"""`check` as learners, Validate and autograding meet it: in a process of its own."""

import os
import subprocess
import sys

import pytest

from tlkit.errors import TlkitError
from tlkit.exercises import find_exercise

UPSIDE_DOWN = """
def label_efficiency(labels, scratch, transfer, target):
    return labels_needed(labels, transfer, target) / labels_needed(labels, scratch, target)
"""
GOOD = """
def label_efficiency(labels, scratch, transfer, target):
    return labels_needed(labels, scratch, target) / labels_needed(labels, transfer, target)
"""
STUB = """
def label_efficiency(labels, scratch, transfer, target):
    ...
"""


def run(source: str, mode: str | None = None) -> subprocess.CompletedProcess:
    environment = {key: value for key, value in os.environ.items() if key != "NBGRADER_EXECUTION"}
    if mode:
        environment["NBGRADER_EXECUTION"] = mode
    script = f"from tlkit import check\nexec(compile({source!r}, 'cell', 'exec'))\nimport linecache\n"
    script += f"linecache.cache['cell'] = (1, None, {source.splitlines(keepends=True)!r}, 'cell')\n"
    script += "value = check('01.label_efficiency')\nprint('VALUE', type(value).__name__, value)\n"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=120)


def test_a_wrong_answer_is_explained_in_plain_text_outside_of_a_notebook():
    done = run(UPSIDE_DOWN)
    assert "not yet" in done.stdout
    assert "Looks like: the ratio is upside down" in done.stdout
    assert "VALUE NoneType None" in done.stdout


@pytest.mark.parametrize(("source", "points"), [(GOOD, 1.0), (UPSIDE_DOWN, 0.0), (STUB, 0.0)])
def test_autograding_gets_a_plain_float(source, points):
    done = run(source, "autograde")
    assert f"VALUE float {points}" in done.stdout
    assert done.stderr == ""


def test_validate_gets_an_exception_with_the_reason():
    done = run(UPSIDE_DOWN, "validate")
    assert done.returncode != 0
    assert "the ratio is upside down" in done.stderr
    assert run(GOOD, "validate").returncode == 0


def test_an_unknown_exercise_lists_those_of_its_unit():
    with pytest.raises(TlkitError, match="there is no exercise '01.nope'; unit 01 has 01.sample, "):
        find_exercise("01.nope")
    with pytest.raises(TlkitError, match="units with exercises: 00, 01"):
        find_exercise("77.nope")
