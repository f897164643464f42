"""JupyterLab, opened at a learner's copies."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tlkit.course.units import find_notebook, units
from tlkit.course.workspace import copy_missing, work_folder
from tlkit.errors import TlkitError

JUPYTER_CONFIG = Path(__file__).with_name("jupyter")


def open_lab(name: str | None, arguments: list[str], work: Path | None = None) -> int:
    """Copy what is missing, say what is new, and become JupyterLab.

    Args:
        name: the unit to open, or one of several notebooks in it ("04b"); the first where none is given.
        arguments: further options for JupyterLab; they win over ours.
        work: the folder of the copies; found by itself where none is given.
    Raises:
        TlkitError: JupyterLab is not installed, unknown unit, or the folder cannot be written.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise TlkitError("JupyterLab is not installed; install the course's tools with: pip install 'tlkit[lab]'")
    work = work or work_folder()
    chosen = find_notebook(name) if name else None
    for line in copy_missing(work):
        print(f"tlkit: {line}", file=sys.stderr)
    unit, notebook = chosen or (units()[0], units()[0].notebooks[0])
    elsewhere = aside_of_home()
    if elsewhere:
        folder = Path(elsewhere["JUPYTER_DATA_DIR"]).parent
        print(f"tlkit: {Path.home()} cannot be written, so JupyterLab keeps its own settings in {folder}", file=sys.stderr)
    os.environ.update(elsewhere)
    command = lab_command(work, unit.name, notebook.name, arguments)
    print(f"tlkit: your copies are in {work}", file=sys.stderr, flush=True)
    if os.name == "nt":
        return subprocess.call(command, env=lab_environment())
    os.execve(command[0], command, lab_environment())


def lab_command(work: Path, unit: str, notebook: str, arguments: list[str]) -> list[str]:
    """The command line that opens a notebook, without news, update checks or their pop-ups."""
    return [
        sys.executable, "-m", "jupyterlab",
        f"--ServerApp.root_dir={work}",
        f"--LabApp.default_url=/lab/tree/{unit}/{notebook}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        *arguments,
    ]


def aside_of_home() -> dict[str, str]:
    """Variables that move what JupyterLab writes into a temporary folder, where it cannot write in the home; else nothing."""
    from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

    try:
        for folder in map(Path, (jupyter_runtime_dir(), jupyter_config_dir(), jupyter_data_dir())):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        return {}
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="tlkit-lab-"))
    names = {"JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "IPYTHONDIR": "ipython",
             "MPLCONFIGDIR": "matplotlib"}
    return {name: str(folder / below) for name, below in names.items()}


def lab_environment() -> dict[str, str]:
    """The environment, with this installation's scripts and our settings for nbgrader's Validate found first."""
    paths = [str(JUPYTER_CONFIG), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    scripts = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return os.environ | {
        "JUPYTER_CONFIG_PATH": os.pathsep.join(path for path in paths if path),
        "PATH": os.pathsep.join(path for path in scripts if path),
    }
