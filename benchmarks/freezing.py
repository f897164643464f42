"""The measurements of unit 05: how deep to freeze, with how many labels, and what it costs.

    python -m benchmarks.freezing                      # writes what the package ships
    python -m benchmarks.freezing --quick --json FILE  # two seeds and one label count, to see that it runs
    python -m benchmarks.freezing_scans                # the same question on chest X-rays

glyphnet, pretrained on letters, learns handwritten digits with its first k stages frozen, on two tasks: the digits as they
are, and the same digits through a grainy camera. Every depth is tuned by itself, at each label count, on the validation
split: one learning rate for all seeds, chosen by its mean validation accuracy. Seed s draws the same labelled images and the
same grain for every depth. All runs begin with the same probe of the head, so that only what moves afterwards differs.

Seconds are those of one core of a CPU, of the epochs after the probe, the lesser of two runs. Bytes are counted. Runs are
noted one by one in FILE.runs, so that a measurement that was cut short goes on where it stood.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks import shipping
from tlkit.comparison import tuned_test_accuracy

TASKS = ("digits", "grainy digits")
LABELS_PER_CLASS = (2, 5, 20)
FROZEN = (0, 1, 2, 3, 4)
SEEDS = tuple(range(6))
RATES = {"digits": (3e-4, 1e-3), "grainy digits": (1e-3, 3e-3)}
STRENGTHS = (0.0, 1e-1, 1.0)          # of L2-SP
KINDS = ("kept", "computed anew")     # what becomes of frozen activations, when seconds are taken
STATISTICS = ("adapted", "frozen")    # of BatchNorm, while L2-SP pulls
PULLED = ("grainy digits", 20, 3e-3)  # where L2-SP is tried: task, labels per class, learning rate
PROBE_EPOCHS, BATCH_SIZE, GRAIN = 50, 32, 0.35
SHIPPED = Path(__file__).parents[1] / "tlkit" / "explore" / "results" / "freezing.json"


def epochs_for(labels_per_class: int) -> int:
    """Fewer passes where many labels make a pass long."""
    return 20 if labels_per_class <= 5 else 12


def load(name: str, labels_per_class: int, seed: int):
    """The task; a grainy one has a Gaussian error on every pixel, cut to [0, 1]."""
    import torch

    import tlkit

    task = tlkit.load_task("digits", labels_per_class=labels_per_class, seed=seed)
    if name == "digits":
        return task
    generator = torch.Generator().manual_seed(seed)
    grainy = {key: replace(split, inputs=(split.inputs + GRAIN * torch.randn(split.inputs.shape, generator=generator)).clamp(0, 1))
              for key, split in task.splits.items()}
    return replace(task, **grainy)


def plan_for(labels_per_class: int, frozen: int, rate: float, l2_sp: float = 0.0, batchnorm: str = "adapted"):
    """A probe of the head, then everything behind the first `frozen` stages; with all of them frozen, the head alone."""
    from tlkit import plans

    epochs = epochs_for(labels_per_class)
    rest = plans.Phase(epochs, rate, rate, frozen=frozen) if frozen < FROZEN[-1] else plans.Phase(epochs, 0.0, rate)
    return plans.Plan(f"frozen={frozen}", (plans.Phase(PROBE_EPOCHS, 0.0, 1e-2), rest), batch_size=BATCH_SIZE, l2_sp=l2_sp,
                      batchnorm=batchnorm)


@lru_cache(maxsize=1)
def letters(font: str = "cmss10", writings: int = 10):
    """Letters of one font, written anew many times, and a linear head that reads them from glyphnet's features as shipped.

    Returns:
        Images and labels that the head has not seen, and the head.
    """
    import torch
    from sklearn.linear_model import LogisticRegression

    import tlkit
    from tlkit.data.glyphs import draw_letters
    from tlkit.data.handwriting import Hand, write

    drawn, generator = draw_letters((font,)), torch.Generator().manual_seed(0)
    fields, labels = drawn.fields.float().repeat(writings, 1, 1, 1), drawn.labels.repeat(writings)
    seen, new = (write(fields, Hand(), generator) for _ in range(2))
    with torch.no_grad():
        features = tlkit.load_backbone("glyphnet")(seen).numpy()
    return new, labels.numpy(), LogisticRegression(max_iter=300).fit(features, labels.numpy())


def letters_read(body) -> float:
    """The share of letters that the old head still reads on top of a body: what fine-tuning has left of the source task."""
    import torch

    images, labels, head = letters()
    with torch.no_grad():
        return float(head.score(body.eval()(images).numpy(), labels))


def run(job: tuple[str, int, int, float, float, str, int]) -> tuple[float, float, float]:
    """Validation and test accuracy, and the share of letters still read, of one depth at one setting and seed."""
    import torch

    import tlkit

    name, labels_per_class, frozen, rate, l2_sp, batchnorm, seed = job
    torch.set_num_threads(1)
    task = load(name, labels_per_class, seed)
    trained = tlkit.finetune(tlkit.adapt(tlkit.load_backbone("glyphnet"), task, seed=seed), task,
                             plan_for(labels_per_class, frozen, rate, l2_sp, batchnorm), seed, progress=False)
    return trained.accuracy("val"), trained.accuracy("test"), letters_read(trained.model.backbone)


def seconds(job: tuple[str, int, int], repeats: int = 2) -> float:
    """Of one core, that the epochs after the probe take, with what is kept being computed in them."""
    import torch

    import tlkit

    kind, labels_per_class, frozen = job
    torch.set_num_threads(1)
    task, plan = load("digits", labels_per_class, 0), plan_for(labels_per_class, frozen, 1e-3)
    found = []
    for _ in range(repeats):
        model = tlkit.adapt(tlkit.load_backbone("glyphnet"), task, seed=0)
        started = time.process_time()
        tlkit.finetune(model, task, plan.changed(phases=plan.phases[1:]), cache=kind == "kept", progress=False)
        found.append(time.process_time() - started)
    return round(min(found), 3)


def memory(frozen: int) -> dict[str, int]:
    """Bytes of one step on a batch, by where they are."""
    import tlkit
    from tlkit.freezing import freeze
    from tlkit.training_memory import training_bytes

    task = load("digits", 20, 0)
    model = freeze(tlkit.adapt(tlkit.load_backbone("glyphnet"), task, seed=0), frozen).train()
    return asdict(training_bytes(model, task.train.inputs[:BATCH_SIZE], task.train.labels[:BATCH_SIZE]))


def run_all(function: Callable[[tuple], object], jobs: list[tuple], workers: int, notes: Path) -> dict[tuple, object]:
    """Every job's result; those that stand in `notes` already are not run again, and new ones are noted there."""
    found = {tuple(job): result for job, result in map(json.loads, notes.read_text().splitlines() if notes.exists() else ())}
    left = [job for job in jobs if job not in found]
    notes.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool, notes.open("a") as file:
        for job, result in zip(left, tqdm(pool.map(function, left), total=len(left), unit="run", mininterval=5), strict=True):
            found[job] = result
            print(json.dumps([job, result]), file=file, flush=True)
    return found


def measure(labels_per_class: tuple[int, ...], seeds: tuple[int, ...], workers: int, notes: Path) -> dict:
    """Every run, and for each task, label count and depth the accuracies at the rate that is best on validation data."""
    jobs = [(name, count, frozen, rate, 0.0, "adapted", seed) for name in TASKS for count in labels_per_class
            for frozen in FROZEN for rate in RATES[name] for seed in seeds]
    name, count, rate = PULLED
    jobs += [(name, count, 0, rate, strength, batchnorm, seed) for batchnorm in STATISTICS for strength in STRENGTHS for seed in seeds]
    jobs = sorted(set(jobs), key=lambda job: job[-1])  # seed by seed: what is there after a while holds whole seeds
    found = run_all(run, jobs, workers, notes)
    timed = [(kind, count, frozen) for kind in KINDS for count in labels_per_class for frozen in FROZEN]
    took = run_all(seconds, timed, 1, notes)  # one after the other
    rows = np.array([[[found[name, count, 0, rate, strength, batchnorm, seed] for seed in seeds] for strength in STRENGTHS]
                     for batchnorm in STATISTICS])
    pull = {"task": name, "labels_per_class": count, "rate": rate, "strengths": list(STRENGTHS), "statistics": list(STATISTICS),
            "accuracy": rows[..., 1].round(4).tolist(), "letters": rows[..., 2].round(4).tolist()}
    tasks = {}
    for name in TASKS:
        tasks[name] = {"accuracy": [], "letters": [], "chosen_rate": []}
        for count in labels_per_class:
            rows = [np.array([[found[name, count, frozen, rate, 0.0, "adapted", seed] for seed in seeds] for rate in RATES[name]])
                    for frozen in FROZEN]  # a depth: (rates, seeds, 3)
            tasks[name]["accuracy"].append([tuned_test_accuracy(row[..., 0], row[..., 1]).round(4).tolist() for row in rows])
            tasks[name]["letters"].append([tuned_test_accuracy(row[..., 0], row[..., 2]).round(4).tolist() for row in rows])
            tasks[name]["chosen_rate"].append([RATES[name][int(row[..., 0].mean(axis=1).argmax())] for row in rows])
    return {
        "labels_per_class": list(labels_per_class),
        "frozen": list(FROZEN),
        "seeds": list(seeds),
        "rates": RATES,
        "tasks": tasks,
        "letters_before": round(_letters_before(), 4),
        "l2_sp": pull,
        "seconds": {kind: [[took[kind, each, frozen] for frozen in FROZEN] for each in labels_per_class] for kind in KINDS},
        "epochs": [epochs_for(each) for each in labels_per_class],
        "memory": [memory(frozen) for frozen in FROZEN],
        "batch_size": BATCH_SIZE,
        "command": "python -m benchmarks.freezing",
    }


def _letters_before() -> float:
    import tlkit

    return letters_read(tlkit.load_backbone("glyphnet"))


def main() -> None:
    shipping.run(__doc__, SHIPPED, LABELS_PER_CLASS, SEEDS, measure, print_table)


def print_table(results: dict) -> None:
    """Mean test accuracies with intervals by depth, and what is left of the letters."""
    from tlkit.evaluation import mean_interval

    for name, found in results["tasks"].items():
        print(f"{name}, first k stages frozen" + "".join(f"{f'k={frozen}':>24}" for frozen in results["frozen"]))
        for row, count in enumerate(results["labels_per_class"]):
            print(f"{count:>4} labels per class, accuracy" + "".join(f"{mean_interval(each)!s:>24}" for each in found["accuracy"][row]))
            print(f"{'':>4} letters still read       " + "".join(f"{mean_interval(each)!s:>24}" for each in found["letters"][row]))
            print(f"{'':>4} learning rate            " + "".join(f"{rate:>24g}" for rate in found["chosen_rate"][row]))
    pulled = results["l2_sp"]
    for row, statistics in enumerate(pulled["statistics"]):
        for strength, accuracy, left in zip(pulled["strengths"], pulled["accuracy"][row], pulled["letters"][row], strict=True):
            print(f"L2-SP {strength:g}, statistics {statistics}: accuracy {mean_interval(accuracy)}, letters {mean_interval(left)}")


if __name__ == "__main__":
    main()
