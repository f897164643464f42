"""A course of one small unit, so that no test here depends on what the real units say."""

from pathlib import Path

import pytest

SOURCE = '''# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 Tiny
#
# A unit to build.

# %% tags=["setup"]
import math

from tlkit import check

# %% [markdown]
# ## Double it
#
# Write `double`.

# %% nbgrader={"grade": false, "grade_id": "07-double", "locked": false, "schema_version": 3, "solution": true, "task": false}
def double(number):
    """Twice the number."""
    ### BEGIN SOLUTION
    twice_the_number = number + number
    return twice_the_number
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "07-double-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("07.double")

# %%
print("a cell of no weight")

# %% nbgrader={"grade": false, "grade_id": "07-quiz", "locked": false, "schema_version": 3, "solution": true, "task": false}
answers = [
    ### BEGIN SOLUTION
    "b",
    "a",
    ### END SOLUTION
]

# %% nbgrader={"grade": true, "grade_id": "07-quiz-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("07.quiz")

# %% [markdown] nbgrader={"grade": true, "grade_id": "07-explain", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# A mark scheme that nobody but the instructor may read.

# %% [markdown]
# ## Remember
#
# Twice is twice.
'''

ALTERNATIVES = '''"""Right answers, written other ways."""


def double_by_product(number):
    factor_of_two = 2
    return factor_of_two * number


ALTERNATIVES = {"07.double": [double_by_product]}
'''


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with the sources of one unit, not yet built."""
    folder = tmp_path / "checkout" / "solutions" / "07_tiny"
    folder.mkdir(parents=True)
    (folder / "07_tiny.py").write_text(SOURCE, encoding="utf-8")
    (folder / "alternatives.py").write_text(ALTERNATIVES, encoding="utf-8")
    (folder / "picture.png").write_bytes(b"\x89PNG not really")
    return tmp_path / "checkout"


@pytest.fixture
def source(root: Path) -> Path:
    return root / "solutions" / "07_tiny" / "07_tiny.py"


@pytest.fixture
def edit(source: Path):
    """Replace one passage of the source by another."""

    def replace(old: str, new: str) -> None:
        text = source.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the source"
        source.write_text(text.replace(old, new), encoding="utf-8")

    return replace
