"""What fine-tuning reaches on real data: `python -m benchmarks.real_data [--seeds 3] [--only NAME] [--resume] [--json FILE]`.

Each recipe was chosen on validation data alone; the test split is looked at once, at the end of each run. PneumoniaMNIST,
banking77 and WNUT-17 are read from TLKIT_DATA, MobileNetV2's ImageNet weights from TORCH_HOME, or downloaded.
"""

import argparse
import json
import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

import tlkit
from benchmarks.keeping import add_resume, keep
from tlkit import plans
from tlkit.prediction import collect

RESULTS = Path(__file__).parent / "results" / "real_data.json"


@dataclass(frozen=True)
class Recipe:
    """A task, a body and a plan; `adapt` are options for the head and its loss."""

    load: Callable
    body: Callable
    plan: plans.Plan
    adapt: dict


def lp_ft(frozen: int, epochs: int, rate: float, probe_epochs: int, head_rate: float, **settings) -> plans.Plan:
    """A probe, then the stages behind the first `frozen`."""
    plan = plans.lp_ft(epochs, rate, probe_epochs, **settings)
    probe, rest = plan.phases
    return plan.changed(phases=(replace(probe, head_learning_rate=head_rate), replace(rest, frozen=frozen)))


RECIPES = {
    "pneumoniamnist": Recipe(
        lambda seed: tlkit.load_task("pneumoniamnist"),
        lambda: tlkit.load_backbone("mobilenet_v2", image_size=64),
        lp_ft(0, 6, 3e-4, 20, 3e-3, batch_size=64, patience=3, metric="AUC", batchnorm="frozen"),
        {"class_weights": "balanced"},
    ),
    "banking77, 10 labels a class": Recipe(
        lambda seed: tlkit.load_task("banking77", labels_per_class=10, seed=seed),
        lambda: tlkit.load_backbone("minilm"),
        plans.linear_probe(60, 3e-3, head_start="prototypes"),
        {},
    ),
    "banking77": Recipe(
        lambda seed: tlkit.load_task("banking77"),
        lambda: tlkit.load_backbone("minilm"),
        lp_ft(4, 4, 3e-4, 20, 3e-3, head_start="prototypes", batch_size=64),
        {"label_smoothing": 0.1},
    ),
    "wnut17": Recipe(
        lambda seed: tlkit.load_task("wnut17"),
        lambda: tlkit.load_backbone("minilm"),
        plans.full(4, 2e-4, 2e-3, batch_size=32),
        {},
    ),
}
HEADLINES = ("entity F1", "accuracy", "AUC")


def measure(name: str, seed: int) -> dict:
    """One run of a recipe: metrics on validation and test data, and seconds."""
    recipe = RECIPES[name]
    task = recipe.load(seed)
    model = tlkit.adapt(recipe.body(), task, seed, **recipe.adapt)
    run = tlkit.finetune(model, task, recipe.plan, seed)
    found = {"seed": seed, "seconds": round(run.seconds, 1), "examples": len(task.train)}
    for split in ("val", "test"):
        metrics = collect(run.model, task.splits[split]).evaluation(resamples=200).metrics
        found[split] = {metric: round(interval.mean, 4) for metric, interval in metrics.items()}
        headline = next(each for each in HEADLINES if each in metrics)
        found[f"{split} {headline} interval"] = [round(metrics[headline].low, 4), round(metrics[headline].high, 4)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=RECIPES, help="one recipe alone")
    add_resume(parser)
    parser.add_argument("--json", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    results = {"device": f"{torch.get_num_threads()} threads of a CPU ({platform.machine()})"}
    if (arguments.only or arguments.resume) and arguments.json.exists():
        results = json.loads(arguments.json.read_text())
    for name in [arguments.only] if arguments.only else RECIPES:
        plan = json.loads(RECIPES[name].plan.to_json())
        kept = results.get(name, {}) if arguments.resume else {}
        runs = kept["runs"] if kept.get("plan") == plan else []
        for seed in range(len(runs), arguments.seeds):
            runs.append(measure(name, seed))
            print(f"{name}, seed {seed}: {runs[-1]}", flush=True)
            results[name] = {"runs": runs, "plan": plan} | summary(runs)
            keep(arguments.json, results)


def summary(runs: list[dict]) -> dict:
    """Headline -> mean and spread (standard deviation) over the seeds, on test data."""
    found = {metric: [run["test"][metric] for run in runs] for metric in HEADLINES if metric in runs[0]["test"]}
    return {metric: {"mean": float(np.mean(values)), "spread": float(np.std(values, ddof=1)) if len(values) > 1 else None}
            for metric, values in found.items()}


if __name__ == "__main__":
    main()
