"""The record on the authoring page works as it stands there."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tlkit import exercises
from tlkit.grading import trial
from tlkit.grading.check import verdict_on
from tlkit.grading.verify import verify

PAGE = Path(__file__).parents[2] / "docs" / "authoring.md"


def standardise(values):
    """Values with mean 0 and deviation 1; zeros where nothing varies. values (N,), returns (N,)."""
    if len(values) == 0:
        raise ValueError("there are no values to standardise")
    deviation = values.std()
    return (values - values.mean()) / (deviation if deviation > 0 else 1.0)


SOLUTION = '''
# %%
import numpy as np

# %% nbgrader={"grade": false, "grade_id": "95-standardise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def standardise(values):
    ### BEGIN SOLUTION
    if len(values) == 0:
        raise ValueError("empty")
    return (values - np.mean(values)) / (np.std(values) or 1.0)
    ### END SOLUTION
'''
ALTERNATIVES = '''
import numpy as np

def loop(values):
    mean = sum(values) / len(values) if len(values) else None
    if mean is None:
        raise ValueError("empty")
    deviation = (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5
    return [(v - mean) / deviation if deviation > 0 else 0.0 for v in values]

def in_float32(values):
    return loop(values.astype(np.float32))

def where(values):
    if not values.size:
        raise ValueError("empty")
    centred = values - values.mean()
    return np.divide(centred, values.std(), out=np.zeros_like(centred), where=values.std() > 0)

ALTERNATIVES = {"95.standardise": (loop, in_float32, where)}
'''


@pytest.fixture
def record(monkeypatch, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    namespace = {"__name__": "authoring_page"}
    exec(code, namespace)
    monkeypatch.setitem(exercises._UNITS, "95", "unit_95_of_the_tests")
    monkeypatch.setitem(sys.modules, "unit_95_of_the_tests", SimpleNamespace(EXERCISES=(namespace["STANDARDISE"],)))
    monkeypatch.setitem(sys.modules, "tests.grading.test_authoring", sys.modules[__name__])
    (tmp_path / "95_name").mkdir()
    (tmp_path / "95_name" / "95_name.py").write_text(SOLUTION)
    (tmp_path / "95_name" / "alternatives.py").write_text(ALTERNATIVES)
    trial.forget()
    yield namespace["STANDARDISE"]
    trial.forget()


def test_the_page_s_record_passes_the_exam(record, tmp_path):
    row, faults = verify(record, tmp_path)
    assert faults == []
    assert row["misconceptions"] == {"total": 5, "refused": 5, "named": 5}


def test_its_feedback_names_a_misconception(record):
    verdict = verdict_on("95.standardise", {"standardise": lambda v: v - np.mean(v)})
    assert verdict.diagnosis.name == "not divided by the deviation"


def test_the_page_names_every_kind_and_every_field_that_needs_advice():
    from tlkit.exercises.fields import KINDS

    page = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{kind}` |" in page for kind in (*KINDS, "choice"))
