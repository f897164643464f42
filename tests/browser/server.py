"""A real JupyterLab as `tlkit lab` starts it, in a folder of its own, with nobody else's settings."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

TOKEN = "a-token-for-tests"


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab.

    Args:
        url: the address of the server, with a slash at its end.
        folder: the learner's folder, which holds `work/`.
        log: the file of everything that the server printed.
        seconds: from the command to the server's answer.
    """

    url: str
    folder: Path
    log: Path
    seconds: float

    @property
    def work(self) -> Path:
        return self.folder / "work"


@contextlib.contextmanager
def running_lab(folder: Path, *arguments: str, timeout: float = 120) -> Iterator[Lab]:
    """`tlkit lab` in a folder, until the block is left; then no process of it is left either."""
    home = folder / "settings"
    home.mkdir()
    runtime, log = home / "runtime", folder / "lab.log"
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(runtime), "IPYTHONDIR": str(home / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "lab"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "tlkit", "lab", *arguments, "--no-browser", "--ServerApp.port=0",
               f"--IdentityProvider.token={TOKEN}", "--ServerApp.ip=127.0.0.1"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    began = time.monotonic()
    with open(log, "wb") as output:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        url = _address(server, runtime, log, began + timeout)
        yield Lab(url, folder, log, time.monotonic() - began)
    finally:
        _end(server)


def _address(server: subprocess.Popen, runtime: Path, log: Path, deadline: float) -> str:
    """The address that the server wrote down once it listened; port 0 lets the system choose a free one."""
    while time.monotonic() < deadline:
        for file in runtime.glob("jpserver-*.json"):
            with contextlib.suppress(json.JSONDecodeError):  # it is being written
                return json.loads(file.read_text(encoding="utf-8"))["url"]
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}")


def _end(server: subprocess.Popen) -> None:
    """End the server and every process that it started, kernels above all."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(20)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        _, left = psutil.wait_procs(family, 10)
        if left:
            raise RuntimeError(f"processes of JupyterLab are left: {left}")
    server.wait(10)
