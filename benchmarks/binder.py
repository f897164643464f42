"""What mybinder.org would give a learner, built and tried without Docker: `python -m benchmarks.binder`.

The image is what repo2docker's Dockerfile makes of this repository (`binder_image`); then JupyterLab starts in it with 1 CPU
and 2 GB (`binder_limits`) and no network, and every unit runs from top to bottom (`binder_inside`). Written down are installed
sizes, the time to the first page, and seconds and peak memory of each unit.
"""

import argparse
import contextlib
import json
import platform
import subprocess
import tempfile
import threading
from pathlib import Path

import psutil

from benchmarks.binder_image import Image, build
from benchmarks.binder_limits import limited

RESULTS = Path(__file__).parent / "results" / "binder.json"
INSIDE = Path(__file__).with_name("binder_inside.py")


def tried(image: Image, only: tuple[str, ...] = (), say=print) -> dict:
    """Start an image under its limits, and what was seen in it, by step.

    Args:
        only: names of the notebooks to run; all where it is empty.
    Raises:
        RuntimeError: what runs inside ended with an error.
    """
    found = {"units": {}, "commands": {}}
    with limited(image.folder) as limits, _together() as together:
        found["limits_by"] = limits.by
        inside = ["--ro-bind", str(INSIDE), "/inside.py", *limits.seen]
        program = [str(image.environment / "bin" / "python"), "/inside.py", *only]
        process = subprocess.Popen([*limits.prefix, *image.command(program, network=False, more=inside)], text=True,
                                   stdout=subprocess.PIPE, stderr=(errors := tempfile.TemporaryFile("w+")))
        together["pid"] = process.pid
        for line in process.stdout:
            facts = json.loads(line)
            step = facts.pop("step")
            say(f"{step:12} {json.dumps(facts)[:220]}")
            if step == "unit":
                facts["together_mb"] = round(together.pop("peak", 0) / 1e6)
                found["units"][facts.pop("name")] = facts
            elif step == "all units":
                found["killed_for_memory"] = limits.group.ran_out_of_memory() if limits.group else None
            elif step == "command":
                found["commands"][facts["words"][0]] = facts
            else:
                found[step] = facts
        if process.wait():
            errors.seek(0)
            raise RuntimeError(f"what ran inside ended with {process.returncode}:\n{errors.read()[-4000:]}")
    return found


@contextlib.contextmanager
def _together():
    """The peak, since it was last taken out, of the resident memory of all processes, what they share counted for each."""
    state, ended = {"pid": None}, threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            if state["pid"]:
                state["peak"] = max(state.get("peak", 0), _resident(state["pid"]))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        ended.set()
        thread.join()


def _resident(pid: int) -> int:
    total = 0
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total


def figures(image: Image, found: dict) -> dict:
    """What of it is written down, without a trace of where the image lay."""
    taken = {name: facts for name, facts in found.items() if name not in ("commands", "beyond")}
    taken["first page"] = found["first page"] | {"address": found["first page"]["address"].split("?")[0]}
    return {"machine": {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}, "torch_from": image.torch,
            "build_seconds": image.seconds, **taken, "a_cell_of_3_GB": found["beyond"]["errors"],
            "commands": {name: facts["returncode"] for name, facts in found["commands"].items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures go")
    parser.add_argument("--only", action="append", default=[], help="run this notebook only, e.g. 01_why_transfer")
    options = parser.parse_args()
    if options.only and options.json == RESULTS:
        parser.error("--only is no measurement to keep: name another file with --json")
    with tempfile.TemporaryDirectory(prefix="tlkit-image-") as folder:
        image = build(Path(folder))
        found = tried(image, tuple(options.only))
    results = figures(image, found)
    options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"{len(found['units'])} notebooks, torch from {image.torch}, limited by {found['limits_by']}")
    print(f"installed {found['packages']['total_mb']} MB; first page after {found['first page']['seconds']} s")
    for name, unit in found["units"].items():
        print(f"{name:28}{unit['seconds']:7.1f} s   kernel {unit['peak_mb']:5} MB   all together {unit['together_mb']:5} MB   "
              f"{'as it should' if not unit['faults'] else unit['faults']}")


if __name__ == "__main__":
    main()
