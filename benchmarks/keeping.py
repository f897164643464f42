"""What long measurements share: files of results that a later run goes on with, processes of their own, and their memory."""

import argparse
import json
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tlkit.errors import TlkitError


def add_resume(parser: argparse.ArgumentParser) -> None:
    """The option --resume."""
    parser.add_argument("--resume", action="store_true", help="keep what FILE holds already, and measure the rest")


def resumed(parser: argparse.ArgumentParser, chosen: argparse.Namespace, settings: dict) -> dict:
    """What the file of --json holds already, where --resume asks for it; the program ends where that has other settings."""
    found = json.loads(chosen.json.read_text(encoding="utf-8")) if chosen.resume and chosen.json.exists() else {}
    if found and found["settings"] != settings:
        parser.error(f"{chosen.json} was measured with {found['settings']}, and --resume asks for {settings}")
    return found


def keep(path: Path, results: dict) -> None:
    """Write results, a line a number, so that what changed can be seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def in_own_process(run: Callable[..., dict], job) -> dict:
    """`run(job)` in a fresh process, or why it could not be: {"left_out": ...}."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(run, job).result()
        except TlkitError as error:
            return {"left_out": str(error)}


def memory(what: str) -> float:
    """MB of 10^6 bytes that this process holds (VmRSS), or held at most (VmHWM)."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(what)) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def forget_peak() -> None:
    """Let the peak begin at what is held now, where the system can do that."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass
