"""What a person gets who installs the wheel in an empty folder: the whole course, and no answer."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tlkit.course.leaks import leaks
from tlkit.course.units import units

PROJECT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> Path:
    """sdist and wheel, built as `python -m build` does: the wheel from the sdist."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(PROJECT)],
                   check=True, capture_output=True, timeout=300)
    return out


@pytest.fixture(scope="module")
def installed(packages, tmp_path_factory) -> Path:
    """The wheel's content in a folder of its own, which comes first on Python's path."""
    folder = tmp_path_factory.mktemp("installed")
    (wheel,) = packages.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def tlkit(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The installed command, away from the checkout."""
    code = "import sys, tlkit; assert tlkit.__file__.startswith(sys.argv.pop(1)), tlkit.__file__\n" \
           "from tlkit.cli import app; app()"
    return subprocess.run([sys.executable, "-c", code, str(installed), *arguments], cwd=cwd, text=True,
                          capture_output=True, timeout=120, env=os.environ | {"PYTHONPATH": str(installed)})


def test_the_wheel_carries_course_and_weights_and_no_answer(installed):
    released = installed / "tlkit" / "course" / "released"
    assert {path.name for path in released.iterdir()} >= {unit.name for unit in units()}
    assert leaks(PROJECT, released) == []
    names = [str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()]
    assert not [name for name in names if "solutions" in name or "alternatives" in name or name.startswith("tests")]
    assert any(name.endswith("glyphnet.safetensors") for name in names)
    assert any(name.endswith("nbgrader_config.json") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_sdist_carries_no_work_and_no_rubbish(packages):
    (path,) = packages.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = [name.split("/", 1)[1] for name in archive.getnames()]
    assert "requirements.lock" in names and "Makefile" in names
    assert not [name for name in names if name.startswith((".", "work/")) and name != ".gitignore"]
    assert not [name for name in names if name.startswith("solutions/") and name.endswith(".ipynb")]


def test_an_empty_folder_and_the_wheel_are_the_course(installed, tmp_path):
    assert tlkit(installed, tmp_path, "lab", "--help").returncode == 0
    said = tlkit(installed, tmp_path, "lab", "--version")        # JupyterLab says its version and ends
    assert said.returncode == 0, said.stderr
    copies = {path.relative_to(tmp_path / "work") for path in (tmp_path / "work").rglob("*.ipynb")}
    assert copies == {Path(unit.name) / notebook.name for unit in units() for notebook in unit.notebooks}
    assert str(tmp_path / "work") in said.stderr


def test_building_without_a_checkout_is_one_line(installed, tmp_path):
    said = tlkit(installed, tmp_path, "build")
    assert said.returncode == 1 and said.stderr.count("\n") == 1 and "is no checkout of the project" in said.stderr
