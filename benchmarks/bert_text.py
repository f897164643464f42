"""The measurements of unit 07: how much of a BERT to fine-tune on a few tickets, and what that does to its sentences.

    python -m benchmarks.bert_text                      # writes what the package ships
    python -m benchmarks.bert_text --quick --json FILE  # two seeds and one label count, to see that it runs

MiniLM learns the intents of the course's tickets. Four ways: the mean of each class, without training; a head alone; the head
and the two uppermost blocks; everything. Each that trains is tuned by itself, at each label count, on the validation split:
one learning rate of the body for all seeds, chosen by its mean validation accuracy. Seed s draws the same labelled texts for
all. MiniLM was tuned as a sentence encoder before, which flatters all four with few labels.

Runs are noted one by one in FILE.runs, so that a measurement that was cut short goes on where it stood.
"""

import json
import time
from pathlib import Path

import numpy as np

from benchmarks import shipping
from benchmarks.freezing import run_all
from tlkit.comparison import tuned_test_accuracy

LABELS_PER_CLASS = (1, 4, 16)
SEEDS = (0, 1, 2)
RATES = {"class means": (0.0,), "head": (1e-2, 3e-2), "top 2 blocks": (1e-4, 3e-4), "everything": (3e-5, 1e-4)}
FROZEN = {"top 2 blocks": 5, "everything": 0}   # stages: the embeddings, then six blocks
HEAD_RATE, BATCH_SIZE = 1e-2, 16
EPOCHS = {1: 12, 4: 10, 16: 6}
HEAD_EPOCHS = 60
SHIPPED = Path(__file__).parents[1] / "tlkit" / "explore" / "results" / "bert_text.json"


def plan_for(way: str, labels_per_class: int, rate: float):
    """The plan of a way that trains."""
    from tlkit import plans

    if way == "head":
        return plans.linear_probe(epochs=HEAD_EPOCHS, learning_rate=rate, batch_size=BATCH_SIZE, patience=None)
    return plans.full(epochs=EPOCHS[labels_per_class], learning_rate=rate, head_learning_rate=HEAD_RATE, frozen=FROZEN[way],
                      batch_size=BATCH_SIZE, patience=None)


def trained(way: str, labels_per_class: int, rate: float, seed: int):
    """The task with few labels, and the model after training."""
    import tlkit
    from tlkit.adaptation import start_from_prototypes

    task = tlkit.load_task("tickets", labels_per_class=labels_per_class, seed=seed)
    model = tlkit.adapt(tlkit.load_backbone("minilm"), task, seed=seed)
    if way == "class means":
        start_from_prototypes(model, task.train)
    else:
        tlkit.finetune(model, task, plan_for(way, labels_per_class, rate), seed, progress=False)
    return task, model


def run(job: tuple[str, int, float, int]) -> tuple[float, float, float]:
    """Validation and test accuracy of one way at one setting and seed, and the seconds of one core that loading and training took."""
    import torch

    from tlkit.prediction import collect

    torch.set_num_threads(1)
    started = time.process_time()
    task, model = trained(*job)
    took = time.process_time() - started
    return tuple(float((np.asarray(found.outputs).argmax(axis=1) == np.asarray(found.targets)).mean())
                 for found in (collect(model, task.val), collect(model, task.test))) + (round(took, 2),)


def sentence_map(labels_per_class: int, rate: float, seed: int = 0) -> dict:
    """The test texts before and after everything was fine-tuned: two main directions, and which text is nearest (by cosine)."""
    import torch
    from sklearn.decomposition import PCA

    import tlkit

    torch.set_num_threads(1)
    task, model = trained("everything", labels_per_class, rate, seed)
    labels, found = task.test.labels.numpy(), {}
    for name, body in (("before", tlkit.load_backbone("minilm")), ("after", model.backbone)):
        with torch.no_grad():
            features = body.eval()(task.test.inputs).numpy()
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        similar = unit @ unit.T - 2 * np.eye(len(unit))
        found[name] = {"places": PCA(2).fit_transform(unit).round(3).tolist(), "nearest": similar.argmax(axis=1).tolist()}
    return {"labels_per_class": labels_per_class, "rate": rate, "labels": labels.tolist(), "classes": list(task.classes),
            "texts": list(task.test.inputs), **found}


def measure(labels_per_class: tuple[int, ...], seeds: tuple[int, ...], workers: int, notes: Path) -> dict:
    """Every run, and for each way and label count the test accuracies at the rate that is best on validation data."""
    jobs = [(way, count, rate, seed) for seed in seeds for count in labels_per_class for way in RATES for rate in RATES[way]]
    found = run_all(run, jobs, workers, notes)
    ways = {}
    for way, rates in RATES.items():
        ways[way] = {"accuracy": [], "rate": [], "seconds": []}
        for count in labels_per_class:
            rows = np.array([[found[way, count, rate, seed] for seed in seeds] for rate in rates])    # (rates, seeds, 3)
            best = int(rows[..., 0].mean(axis=1).argmax())
            ways[way]["accuracy"].append(tuned_test_accuracy(rows[..., 0], rows[..., 1]).round(4).tolist())
            ways[way]["rate"].append(rates[best])
            ways[way]["seconds"].append(round(float(np.median(rows[best, :, 2])), 1))
    return {"labels_per_class": list(labels_per_class), "seeds": list(seeds), "rates": RATES, "ways": ways,
            "map": sentence_map(labels_per_class[-1], ways["everything"]["rate"][-1]), "command": "python -m benchmarks.bert_text"}


def main() -> None:
    shipping.run(__doc__, SHIPPED, LABELS_PER_CLASS, SEEDS, measure, print_table)


def print_table(results: dict) -> None:
    """Mean test accuracies with intervals by way and label count."""
    from tlkit.evaluation import mean_interval

    for way, found in results["ways"].items():
        for count, accuracy, rate, seconds in zip(results["labels_per_class"], found["accuracy"], found["rate"], found["seconds"], strict=True):
            print(f"{way:14} {count:>3} labels per class: accuracy {mean_interval(accuracy)}, rate {rate:g}, {seconds:.1f} s")
    for when in ("before", "after"):
        labels = np.array(results["map"]["labels"])
        print(f"{when} fine-tuning, nearest text of the same intent: {(labels[results['map'][when]['nearest']] == labels).mean():.3f}")


if __name__ == "__main__":
    main()
