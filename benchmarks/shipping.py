"""The command line of benchmarks that measure by labels and seed, and whose figures the package ships."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path


def run(about: str, shipped: Path, labels_per_class: Sequence[int], seeds: Sequence[int],
        measure: Callable[[Sequence[int], Sequence[int], int, Path], dict], print_table: Callable[[dict], None]) -> None:
    """Read the options, measure, write the figures, and print them.

    Args:
        about: the benchmark's docstring, whose first line is shown by --help.
        shipped: where the figures go that the package ships.
        measure: takes label counts, seeds, the number of processes and where single runs are kept.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--json", type=Path, default=shipped, help="where the figures go")
    parser.add_argument("--quick", action="store_true", help="two seeds and one label count")
    parser.add_argument("--workers", type=int, default=2, help="processes, each of one thread")
    options = parser.parse_args()
    if options.quick and options.json == shipped:
        parser.error("--quick is no measurement to ship: name another file with --json")
    counts, drawn = (labels_per_class[:1], seeds[:2]) if options.quick else (labels_per_class, seeds)
    results = measure(counts, drawn, options.workers, options.json.with_suffix(".runs"))
    options.json.write_text(json.dumps(results) + "\n", encoding="utf-8")
    print_table(results)
    print(f"wrote {options.json.name}")
