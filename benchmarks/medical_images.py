"""The measurements of unit 06: a residual network before and after fine-tuning on scans, and from scratch.

    python -m benchmarks.medical_images                    # writes what the package ships
    python -m benchmarks.medical_images --quick --json FILE

Two tasks: the phantoms of `cells` at 16 x 16 with glyphnet, pretrained on letters; and PneumoniaMNIST with MobileNetV2, pretrained on
ImageNet, at 64 x 64 (where data and weights are there, else it is left out). The seed draws head, order and, of the X-rays, the
300 training scans. Fresh weights get twice the epochs. On X-rays the body's running statistics are frozen: of four ways to fine-tune it
(`--ways`) that had the highest AUC on the validation scans of the first seed. No other setting was searched for.
The network's answers are kept as margins, the ill class's logit less the other's.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

SHIPPED = Path(__file__).parents[1] / "tlkit" / "explore" / "results" / "medical_images.json"
SEEDS = {"cells": 3, "pneumoniamnist": 3}
SCANS = 300
EPOCHS = {"cells": 8, "pneumoniamnist": 8}
STATISTICS = {"cells": "adapted", "pneumoniamnist": "frozen"}
RATES = {"cells": (1e-3, 3e-3), "pneumoniamnist": (3e-4, 1e-3)}   # fine-tuning, from scratch


def load(name: str, seed: int):
    """The task with the training pictures of this seed, and a fresh call of its body."""
    from dataclasses import replace

    import tlkit
    from tlkit.scans import small_body, small_phantoms

    if name == "cells":
        return small_phantoms(views=1), small_body
    task = tlkit.load_task(name)
    some = np.sort(np.random.default_rng(seed).permutation(len(task.train))[:SCANS])
    return replace(task, train=task.train.select(some)), lambda: tlkit.load_backbone("mobilenet_v2", image_size=64)


def margins_of(model, split) -> np.ndarray:
    """The ill class's logit less the other's, for every picture of a split."""
    from tlkit.prediction import collect

    outputs = collect(model, split).outputs
    return outputs[:, 1] - outputs[:, 0]


def measure(name: str, seeds: int, epochs: int, note: Callable[[dict], None]) -> None:
    """Margins of the first seed, AUC of all of them, and what is known of the pictures; `note` gets them after every seed."""
    import tlkit
    from tlkit import metrics, plans

    found: dict = {"auc": {"before": [], "after": [], "scratch": []}, "margins": {}, "labels": {}, "groups": {}}
    for seed in tqdm(range(seeds), desc=name):
        task, body = load(name, seed)
        fine, fresh = RATES[name]
        ways = {"before": None, "after": plans.full(epochs=epochs, learning_rate=fine, jitter=None, batchnorm=STATISTICS[name]),
                "scratch": plans.scratch(epochs=2 * epochs, learning_rate=fresh, jitter=None)}
        for way, plan in ways.items():
            model = tlkit.adapt(body(), task, seed=seed)
            if plan is not None:
                model = tlkit.finetune(model, task, plan, seed, progress=False).model
            margins = {split: margins_of(model, task.splits[split]) for split in ("val", "test")}
            found["auc"][way].append(round(metrics.auc(margins["test"], task.test.labels.numpy()), 5))
            if seed == 0:
                found["margins"][way] = {split: np.round(each.astype(float), 3).tolist() for split, each in margins.items()}
        found["classes"], found["train"] = list(task.classes), list(task.train.class_counts.values())
        for split in ("val", "test"):
            found["labels"][split] = task.splits[split].labels.tolist()
            found["groups"][split] = None if task.splits[split].groups is None else task.splits[split].groups.tolist()
        note(found)


def compare_ways() -> None:
    """Print the AUC on the validation scans of the first seed, for each of four ways to fine-tune on X-rays."""
    import tlkit
    from tlkit import metrics, plans

    ways = {
        "statistics frozen, rate 3e-4": plans.full(epochs=8, learning_rate=3e-4, jitter=None, batchnorm="frozen"),
        "statistics adapted, rate 1e-3": plans.full(epochs=8, learning_rate=1e-3, jitter=None),
        "head first, then everything": plans.lp_ft(jitter=None),
        "head alone": plans.linear_probe(),
    }
    task, body = load("pneumoniamnist", 0)
    for way, plan in ways.items():
        model = tlkit.finetune(tlkit.adapt(body(), task, seed=0), task, plan, 0, progress=False).model
        print(f"{way:32} {metrics.auc(margins_of(model, task.val), task.val.labels.numpy()):.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=SHIPPED)
    parser.add_argument("--quick", action="store_true", help="one seed and one epoch, to see that it runs")
    parser.add_argument("--only", choices=sorted(SEEDS), help="one of the tasks; what FILE holds of the other stays")
    parser.add_argument("--ways", action="store_true", help="compare ways to fine-tune on X-rays by their validation AUC, and nothing else")
    options = parser.parse_args()
    if options.ways:
        compare_ways()
        return
    from tlkit.errors import TlkitError

    found = json.loads(options.json.read_text()) if options.only and options.json.exists() else {}
    for name in [options.only] if options.only else list(SEEDS):
        try:
            load(name, 0)[1]()
        except TlkitError as error:
            print(f"{name} is left out: {error}")
            continue

        def note(measured: dict, name: str = name) -> None:
            found[name] = measured
            options.json.write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")

        measure(name, *((1, 1) if options.quick else (SEEDS[name], EPOCHS[name])), note)
        print(name, {way: np.round(values, 3).tolist() for way, values in found[name]["auc"].items()})


if __name__ == "__main__":
    main()
