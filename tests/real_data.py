"""Where real data sets and weights are, for the tests that use them."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parent.parent.parent / "shared"


def folder(variable: str, name: str) -> Path:
    """What the environment variable names, else `name` in the folder "shared" beside the checkout; else a skip."""
    place = Path(os.environ[variable]) if os.environ.get(variable) else _BESIDE / name
    if not place.is_dir():
        pytest.skip(f"real data is not here: set {variable}, or put it into {_BESIDE / name}")
    return place
