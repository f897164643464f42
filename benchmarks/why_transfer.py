"""The measurements of unit 01: accuracy on real digits against labels per class, for four ways of using a network.

    python -m benchmarks.why_transfer                      # writes what the package ships
    python -m benchmarks.why_transfer --quick --json FILE  # two seeds and two label counts, to see that it runs

Every strategy is tuned by itself, at each label count, on the validation split: one setting for all seeds, chosen by
its mean validation accuracy. Seed s draws the same labelled images for every strategy.
"""

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tlkit.comparison import tuned_test_accuracy

LABELS_PER_CLASS = (1, 2, 5, 10, 20)
SEEDS = tuple(range(20))
SETTINGS = {
    "pixels": (0.1, 1.0, 10.0, 100.0),          # inverse strength of the L2 penalty
    "scratch": (1e-3, 3e-3, 1e-2),
    "linear_probe": (3e-3, 1e-2, 3e-2),
    "finetuned": (1e-4, 3e-4, 1e-3),
}
SHIPPED = Path(__file__).parents[1] / "tlkit" / "explore" / "results" / "why_transfer.json"


def scratch_epochs(labels_per_class: int) -> int:
    """As many passes as probe and fine-tuning make together, and fewer where many labels make an epoch long."""
    return 140 if labels_per_class <= 10 else 70


def run(job: tuple[str, int, float, int]) -> tuple[float, float]:
    """Validation and test accuracy of one strategy at one label count, setting and seed."""
    import torch

    import tlkit
    from tlkit import plans

    strategy, labels_per_class, setting, seed = job
    torch.set_num_threads(1)
    task = tlkit.load_task("digits", labels_per_class=labels_per_class, seed=seed)
    if strategy == "pixels":
        return _logistic_regression(task, setting)
    plan = {
        "scratch": lambda: plans.scratch(epochs=scratch_epochs(labels_per_class), learning_rate=setting),
        "linear_probe": lambda: plans.linear_probe(learning_rate=setting),
        "finetuned": lambda: plans.lp_ft(learning_rate=setting),
    }[strategy]()
    trained = tlkit.finetune(tlkit.adapt(tlkit.load_backbone("glyphnet"), task, seed=seed), task, plan, seed)
    return trained.accuracy("val"), trained.accuracy("test")


def _logistic_regression(task, inverse_penalty: float) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression

    pixels = {name: getattr(task, name).inputs.flatten(1).numpy() for name in ("train", "val", "test")}
    classifier = LogisticRegression(C=inverse_penalty, max_iter=3000).fit(pixels["train"], task.train.labels.numpy())
    val, test = (float(classifier.score(pixels[name], getattr(task, name).labels.numpy())) for name in ("val", "test"))
    return val, test


def measure(labels_per_class: tuple[int, ...], seeds: tuple[int, ...], workers: int) -> dict:
    """Every run, and for each strategy and label count the tuned test accuracies."""
    started = time.perf_counter()
    jobs = [(strategy, count, setting, seed) for strategy, settings in SETTINGS.items()
            for count in labels_per_class for setting in settings for seed in seeds]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        runs = tqdm(pool.map(run, jobs, chunksize=4), total=len(jobs), unit="run", mininterval=5)
        found = dict(zip(jobs, runs, strict=True))

    def grid(strategy: str, count: int) -> np.ndarray:
        """Validation and test accuracies: (2, settings, seeds)."""
        return np.array([[found[strategy, count, setting, seed] for seed in seeds]
                         for setting in SETTINGS[strategy]]).transpose(2, 0, 1)

    accuracy, chosen = {}, {}
    for strategy, settings in SETTINGS.items():
        grids = [grid(strategy, count) for count in labels_per_class]
        accuracy[strategy] = [tuned_test_accuracy(val, test).round(5).tolist() for val, test in grids]
        chosen[strategy] = [settings[int(val.mean(axis=1).argmax())] for val, _ in grids]
    shown = 5 if 5 in labels_per_class else labels_per_class[0]
    val, test = grid("scratch", shown).round(5).tolist()
    return {
        "labels_per_class": list(labels_per_class),
        "seeds": list(seeds),
        "accuracy": accuracy,
        "chosen_setting": chosen,
        "scratch_tuning": {"labels_per_class": shown, "learning_rates": list(SETTINGS["scratch"]), "val": val, "test": test},
        "command": "python -m benchmarks.why_transfer",
        "seconds": round(time.perf_counter() - started),
        "workers": workers,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=SHIPPED, help="where the figures go")
    parser.add_argument("--quick", action="store_true", help="two seeds and two label counts")
    parser.add_argument("--workers", type=int, default=2, help="processes, each of one thread")
    options = parser.parse_args()
    if options.quick and options.json == SHIPPED:
        parser.error("--quick is no measurement to ship: name another file with --json")
    results = measure(LABELS_PER_CLASS[:2] if options.quick else LABELS_PER_CLASS, SEEDS[:2] if options.quick else SEEDS,
                      options.workers)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print_table(results)
    print(f"wrote {options.json.name} after {results['seconds']} s")


def print_table(results: dict) -> None:
    """Mean accuracies with intervals, and the paired gain of fine-tuning over the better baseline."""
    from tlkit.evaluation import mean_interval, paired_difference

    print("labels per class" + "".join(f"{strategy:>24}" for strategy in SETTINGS) + f"{'gain over baseline':>24}")
    for row, count in enumerate(results["labels_per_class"]):
        runs = {strategy: results["accuracy"][strategy][row] for strategy in SETTINGS}
        baseline = max(("pixels", "scratch"), key=lambda strategy: np.mean(runs[strategy]))
        gain = paired_difference(runs["finetuned"], runs[baseline])
        print(f"{count:16}" + "".join(f"{str(mean_interval(values)):>24}" for values in runs.values()) + f"{str(gain):>24}")


if __name__ == "__main__":
    main()
