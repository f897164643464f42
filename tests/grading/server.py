"""nbgrader's formgrader, served as an instructor has it: a Jupyter server in the course's folder."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.browser.server import TOKEN, _address, _end
from tlkit.course.lab import lab_environment

EXTENSION = "nbgrader.server_extensions.formgrader"


@contextlib.contextmanager
def formgrader(course: Path, timeout: float = 120) -> Iterator[str]:
    """The server's address, until the block is left."""
    home, log = course / "settings", course / "server.log"
    home.mkdir()
    environment = lab_environment() | {
        "HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"), "IPYTHONDIR": str(home / "ipython"), "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--ServerApp.port=0", "--ServerApp.ip=127.0.0.1",
               f"--IdentityProvider.token={TOKEN}", f"--ServerApp.jpserver_extensions={{'{EXTENSION}': True}}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    with open(log, "wb") as output:
        server = subprocess.Popen(command, cwd=course, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield _address(server, home / "runtime", log, time.monotonic() + timeout).rstrip("/")
    finally:
        _end(server)
