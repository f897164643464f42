"""What an image with the course in it needs beside the installation: `python -m tlkit.course.image`, once, in the learner's home.

Units are put into `work/`, and JupyterLab is told by files what `tlkit lab` says on its command line: which notebook to
open, to look for no news, and what nbgrader's Validate may take. So a JupyterLab that somebody else starts (mybinder.org,
a JupyterHub) is the same.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tlkit.course.lab import JUPYTER_CONFIG
from tlkit.course.units import units
from tlkit.course.workspace import copy_missing, work_folder
from tlkit.files import write_text


def prepare(home: Path, settings: Path) -> list[Path]:
    """Put the units into `home/work`, and what JupyterLab should know into `settings`; what is there stays.

    Args:
        home: the folder that JupyterLab will be started in.
        settings: a folder that Jupyter reads its configuration from, as a rule `etc/jupyter` of the environment.
    Returns:
        The files of settings that were written.
    Raises:
        TlkitError: there are no units, or the folder cannot be written.
    """
    work = work_folder(home)
    copy_missing(work)
    first = units()[0].notebooks[0]
    address = f"/lab/tree/{work.relative_to(home.resolve()).as_posix()}/{first.parent.name}/{first.name}"
    ours: dict[str, dict[str, Any]] = {
        "jupyter_lab_config.json": {"LabApp": {"default_url": address, "news_url": None,
                                               "check_for_updates_class": "jupyterlab.NeverCheckForUpdate"}},
        "jupyter_notebook_config.json": {"JupyterNotebookApp": {"default_url": address}},
    }
    for path in sorted(JUPYTER_CONFIG.rglob("*.json")):
        ours[path.relative_to(JUPYTER_CONFIG).as_posix()] = json.loads(path.read_text(encoding="utf-8"))
    for name, content in ours.items():
        target = settings / name
        there = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, json.dumps(_merged(there, content), indent=1) + "\n")
    return [settings / name for name in ours]


def _merged(there: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """Settings with ours in them, section by section."""
    merged = dict(there)
    for name, value in ours.items():
        merged[name] = _merged(merged[name], value) if isinstance(value, dict) and isinstance(merged.get(name), dict) else value
    return merged


if __name__ == "__main__":
    for written in prepare(Path.cwd(), Path(sys.prefix) / "etc" / "jupyter"):
        print(f"wrote {written}")
