"""Unit 98: example exercises of every kind, which exist for the tests alone."""

import sys

import pytest

from tlkit import exercises
from tlkit.grading import trial


@pytest.fixture
def example_unit(monkeypatch):
    """The records of unit 98, registered for the time of a test."""
    from tests.grading.examples import records

    monkeypatch.setitem(exercises._UNITS, "98", records.__name__)
    monkeypatch.setitem(sys.modules, records.__name__, records)
    trial.forget()
    yield records
    trial.forget()
