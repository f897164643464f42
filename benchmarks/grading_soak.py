"""A long run of `tlkit grade` over many submissions, some of them poison: does every one end in a grade or a reason?

    python -m benchmarks.grading_soak [--submissions 1000] [--poison 0.05] [--jobs 2] [--json FILE]

The unit is a short one, made of two exercises and the quiz of unit 01. It fails (exit code 1) where a record is missing, a
right submission lost points, a process or a file stayed behind, or memory kept growing.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil

from tlkit.course.build import write_source_notebook
from tlkit.grading.classwork.grade_class import grade_class
from tlkit.grading.sandbox.cgroups import Cgroups

CHECKOUT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "grading_soak.json"
KEPT = ("01-tuned_baseline", "01-paired_gain", "01-quiz")
POISON = {
    "endless loop": "while True: pass",
    "3 GB": "kept = bytearray(3 << 30); kept[::4096] = b'1' * len(kept[::4096])",
    "200 processes": "import os, time\nfor _ in range(200):\n    try:\n        if os.fork() == 0:\n            os.setsid(); time.sleep(600); os._exit(0)\n"
                     "    except OSError: break",
    "60 MB of output": "for _ in range(60): print('x' * 1_000_000)",
    "kernel kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "broken JSON": None,
}
LIMITS = {"cell_seconds": 5.0, "grace_seconds": 2.0, "restarts": 3, "notebook_seconds": 60, "memory_bytes": 1 << 30}


def release(folder: Path) -> nbformat.NotebookNode:
    """The short unit, written to a folder of released units."""
    full = nbformat.read(CHECKOUT / "course" / "01_why_transfer" / "01_why_transfer.ipynb", as_version=4)
    cells = [cell for cell in full.cells if cell.metadata.get("nbgrader", {}).get("grade_id", "").removesuffix("-check") in KEPT]
    cells.insert(0, nbformat.v4.new_code_cell("import numpy as np\n\nfrom tlkit import check", id="set-up",
                                              metadata={"tags": ["setup"]}))
    full.cells = cells
    (folder / "01_short").mkdir(parents=True)
    nbformat.write(full, folder / "01_short" / "01_short.ipynb")
    return full


def write_class(root: Path, submissions: int, poison: float) -> dict[str, str]:
    """Submissions; what each is: "right", "blank" or a poison's name."""
    released = release(root / "course")
    (root / "nbgrader_config.py").write_text("from tlkit.course.release import configure\nc = get_config()\nconfigure(c)\n")
    source = CHECKOUT / "solutions" / "01_why_transfer" / "01_why_transfer.py"
    write_source_notebook(source)
    solved = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    answers = {cell.metadata.nbgrader.grade_id: cell.source for cell in solved.cells
               if cell.metadata.get("nbgrader", {}).get("solution")}
    every, kinds = max(1, round(1 / poison)) if poison else submissions + 1, {}
    for number in range(submissions):
        notebook = nbformat.from_dict(released)
        kind = list(POISON)[number // every % len(POISON)] if number % every == every - 1 else "right" if number % 4 else "blank"
        kinds[f"s{number:05}"] = kind
        if kind != "blank":
            for cell in notebook.cells:
                cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
        if POISON.get(kind):
            notebook.cells.insert(1, nbformat.v4.new_code_cell(POISON[kind], id="own"))
        folder = root / "submitted" / f"s{number:05}" / "01_short"
        folder.mkdir(parents=True)
        (folder / "01_short.ipynb").write_text("{ broken" if kind == "broken JSON" else nbformat.writes(notebook))
    return kinds


def watched_memory(stop: threading.Event, samples: list[tuple[float, int]]) -> None:
    """Resident bytes of this process and everything below it, shared pages counted once, every few seconds."""
    while not stop.wait(3):
        total = 0
        for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except (psutil.Error, OSError):
                continue
        samples.append((time.monotonic(), total))


def soak(submissions: int, poison: float, jobs: int) -> dict[str, Any]:
    """Grade, and look at what is left."""
    own, samples, stop = psutil.Process(), [], threading.Event()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        root, temporary = Path(folder) / "class", Path(folder) / "tmp"
        root.mkdir()
        temporary.mkdir()
        os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)  # nobody else's files are taken for ours
        kinds = write_class(root, submissions, poison)
        watcher = threading.Thread(target=watched_memory, args=(stop, samples))
        watcher.start()
        started = time.perf_counter()
        summary = grade_class(root, jobs=jobs, options=LIMITS)
        seconds = time.perf_counter() - started
        stop.set()
        watcher.join()
        files = sorted(path.name for path in temporary.iterdir())
        os.environ.pop("TMPDIR")
        tempfile.tempdir = None
    by_kind: dict[str, list] = {}
    for record in summary.records:
        by_kind.setdefault(kinds[record.student], []).append(record)
    due = 9.0
    faults = [f"{record.student} ({kind}): {record.points:g} points, {record.outcome} {record.reason}" for kind, records in by_kind.items()
              for record in records if not _is_in_order(kind, record, due)]
    left = [process.name() for process in own.children(recursive=True)]
    groups = [str(path) for parent in Cgroups().parents for path in parent.glob(f"tlkit-{os.getpid()}-*")]
    half = len(samples) // 2
    early, late = (max((size for _, size in part), default=0) for part in (samples[half // 2:half], samples[half:]))
    return {
        "device": f"{os.cpu_count()}-core CPU", "submissions": submissions, "jobs": jobs, "limits_by": summary.limits_by,
        "records": len(summary.records), "outcomes": {kind: {outcome: sum(r.outcome == outcome for r in records)
                                                             for outcome in {r.outcome for r in records}} for kind, records in by_kind.items()},
        "seconds_per_submission": round(seconds / submissions, 3), "faults": faults[:20],
        "processes_left": left, "files_left": files, "groups_left": groups,
        "memory_mb": {"second_quarter": round(early / 1e6), "second_half": round(late / 1e6)},
    }


def _is_in_order(kind: str, record: Any, due: float) -> bool:
    if kind == "broken JSON":
        return record.outcome == "refused" and bool(record.reason)
    if kind == "blank":
        return record.outcome == "graded" and record.points == 0
    return record.outcome == "graded" and record.points == due and (kind == "right" or bool(record.notes) or kind in ("3 GB", "200 processes"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures go")
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--poison", type=float, default=0.05)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    arguments = parser.parse_args()
    figures = soak(arguments.submissions, arguments.poison, arguments.jobs)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))
    is_flat = figures["memory_mb"]["second_half"] < 1.3 * figures["memory_mb"]["second_quarter"] + 200
    if (figures["records"] != arguments.submissions or figures["faults"] or figures["processes_left"] or figures["files_left"]
            or figures["groups_left"] or not is_flat and arguments.submissions >= 200):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
