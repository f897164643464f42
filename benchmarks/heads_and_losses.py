"""The measurements of unit 02: what the end of the network costs, on digits and on PneumoniaMNIST.

    python -m benchmarks.heads_and_losses                      # writes what the package ships
    python -m benchmarks.heads_and_losses --quick --json FILE  # two seeds, to see that it runs

Digits: glyphnet, frozen, with four ends. With AdamW each end has its own learning rate, chosen by the mean validation
accuracy over all seeds; with SGD all have the same one, a small one and one that is ten times as large. PneumoniaMNIST (in TLKIT_DATA or the cache, with ImageNet
weights in TORCH_HOME; left out where they are missing): MobileNetV2, frozen, a few hundred scans drawn as they come, so
that their imbalance stays, and three ends. Seed s draws the same examples for every end.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import tlkit
from tlkit import metrics, plans
from tlkit.comparison import tuned_test_accuracy
from tlkit.errors import TlkitError
from tlkit.evaluation import mean_interval, paired_difference
from tlkit.explore import endings

SHIPPED = Path(__file__).parents[1] / "tlkit" / "explore" / "results" / "heads_and_losses.json"
SEEDS = tuple(range(10))
LABELS_PER_CLASS, EPOCHS = 20, 30
ADAMW_RATES, SGD_RATES = (1e-3, 1e-2, 1e-1), (1e-3, 1e-2)
SCANS, SCAN_EPOCHS, SCAN_RATE = 400, 40, 3e-3
SCAN_ENDS = {"two classes": ("classes", None), "yes or no": ("yes or no", None), "two classes, weighted": ("classes", "balanced")}


def digits(seeds: tuple[int, ...]) -> dict:
    """Every end with every optimiser and learning rate."""
    settings = [("adamw", rate) for rate in ADAMW_RATES] + [("sgd", rate) for rate in SGD_RATES]
    found: dict = {end: {} for end in endings.ENDS}
    jobs = [(end, setting, seed) for end in found for setting in settings for seed in seeds]
    for end, (optimizer, rate), seed in tqdm(jobs, unit="run", mininterval=5):
        found[end].setdefault((optimizer, rate), []).append(digit_run(end, optimizer, rate, seed))
    return {end: _chosen(by_setting) for end, by_setting in found.items()}


def digit_run(end: str, optimizer: str, rate: float, seed: int) -> dict:
    """The loss of every epoch, and accuracy on validation and test data."""
    task = tlkit.load_task("digits", labels_per_class=LABELS_PER_CLASS, seed=seed)
    plan = plans.linear_probe(epochs=EPOCHS, learning_rate=rate, optimizer=optimizer)
    run = endings.train(end, tlkit.load_backbone("glyphnet"), task, plan, seed)
    return {"loss": [round(record["loss"], 4) for record in run.records],
            "val": endings.accuracy(end, run.model, task.val), "test": endings.accuracy(end, run.model, task.test)}


def _chosen(by_setting: dict) -> dict:
    """AdamW at the rate that is best on validation data, and SGD at each of its rates."""
    val, test = (np.array([[run[split] for run in by_setting["adamw", rate]] for rate in ADAMW_RATES]) for split in ("val", "test"))
    best = ADAMW_RATES[int(val.mean(axis=1).argmax())]
    chosen = {"adamw": {"rate": best, "val_by_rate": val.mean(axis=1).round(4).tolist(), "test": tuned_test_accuracy(val, test).round(5).tolist(),
                        "loss": _mean_loss(by_setting["adamw", best])}}
    for name, rate in zip(("sgd", "sgd, faster"), SGD_RATES):
        runs = by_setting["sgd", rate]
        chosen[name] = {"rate": rate, "test": [round(run["test"], 5) for run in runs], "loss": _mean_loss(runs)}
    return chosen


def _mean_loss(runs: list[dict]) -> list[float]:
    return np.mean([run["loss"] for run in runs], axis=0).round(4).tolist()


def scans(seeds: tuple[int, ...]) -> dict | None:
    """Three ends for healthy or pneumonia, or None where scans or ImageNet weights are missing."""
    try:
        whole = tlkit.load_task("pneumoniamnist")
        body = tlkit.load_backbone("mobilenet_v2", image_size=64).eval()
    except TlkitError as error:
        print(f"PneumoniaMNIST is left out: {error}")
        return None
    with torch.no_grad():  # the body stays as it is in every run, so what it makes of these scans is computed once
        features = {name: torch.cat([body(part) for part in whole.splits[name].inputs.split(64)]) for name in ("val", "test")}
    found: dict = {name: [] for name in SCAN_ENDS}
    for seed in tqdm(seeds, unit="seed"):
        task = whole.with_examples(SCANS, seed)
        for name, (end, weights) in SCAN_ENDS.items():
            plan = plans.linear_probe(epochs=SCAN_EPOCHS, learning_rate=SCAN_RATE)
            run = endings.train(end, tlkit.load_backbone("mobilenet_v2", image_size=64), task, plan, seed, weights)
            of_test, of_val = (scan_figures(run.model.head, features[split], whole.splits[split].labels) for split in ("test", "val"))
            found[name].append(of_test | {"calibration_error_val": of_val["calibration_error"]})
    shares = {name: round(float(split.labels.float().mean()), 4) for name, split in whole.splits.items()}
    return {"scans": SCANS, "shares_of_pneumonia": shares, "test_scans": len(whole.test), "val_scans": len(whole.val),
            "ends": {name: {key: [round(one[key], 5) for one in rows] for key in rows[0]} for name, rows in found.items()}}


@torch.no_grad()
def scan_figures(head, features: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Accuracy, sensitivity, specificity, AUC and calibration error of a head that says healthy (0) or pneumonia (1).

    Args:
        features: (N, F); labels: (N,).
    """
    outputs, labels = head(features).double(), labels.numpy()
    ill = (outputs[:, 0].sigmoid() if outputs.shape[1] == 1 else outputs.softmax(dim=1)[:, 1]).numpy()      # (N,)
    said = ill > 0.5
    return {"accuracy": float(np.mean(said == labels)), "sensitivity": float(said[labels == 1].mean()),
            "specificity": float(1 - said[labels == 0].mean()), "auc": float(metrics.auc(ill, labels)),
            "calibration_error": float(metrics.expected_calibration_error(np.stack([1 - ill, ill], axis=1), labels))}


def print_tables(results: dict) -> None:
    """Means with intervals, and differences to the first end, paired by seed."""
    for optimizer in ("adamw", "sgd", "sgd, faster"):
        print(f"digits, {optimizer}: test accuracy, and difference to ten classes")
        base = results["digits"]["classes"][optimizer]["test"]
        for end, by_optimizer in results["digits"].items():
            row = by_optimizer[optimizer]
            print(f"  {end:22} rate {row['rate']:<6g} {mean_interval(row['test'])}  {paired_difference(row['test'], base)}  "
                  f"last loss {row['loss'][-1]:.3f}")
    if results["scans"]:
        ends = results["scans"]["ends"]
        print("PneumoniaMNIST: mean over seeds, and difference to two classes")
        for name, row in ends.items():
            for key, values in row.items():
                print(f"  {name:22} {key:18} {mean_interval(values)}  {paired_difference(values, ends['two classes'][key])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=SHIPPED, help="where the figures go")
    parser.add_argument("--quick", action="store_true", help="two seeds, and no scans")
    options = parser.parse_args()
    if options.quick and options.json == SHIPPED:
        parser.error("--quick is no measurement to ship: name another file with --json")
    seeds = SEEDS[:2] if options.quick else SEEDS
    torch.set_num_threads(1)
    results = {"seeds": list(seeds), "labels_per_class": LABELS_PER_CLASS, "epochs": EPOCHS, "adamw_rates": list(ADAMW_RATES),
               "digits": digits(seeds), "scans": None if options.quick else scans(seeds), "command": "python -m benchmarks.heads_and_losses"}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print_tables(results)
    print(f"wrote {options.json.name}")


if __name__ == "__main__":
    main()
