"""The measurements of unit 04: whole runs, epoch by epoch, and loops that lack a line.

    python -m benchmarks.fine_tuning_loop                      # writes what the package ships
    python -m benchmarks.fine_tuning_loop --only real          # one part anew: curves, missing or real
    python -m benchmarks.fine_tuning_loop --quick --json FILE  # one seed and few epochs, to see that it runs

Three parts. "curves": glyphnet, all of it, on a few digits, at every learning rate, length of run and number of labels.
"missing": a loop written out by hand, and the same loop without one of its lines. "real": the last stages of MobileNetV2
on 50 scans a class of PneumoniaMNIST; needs the data in TLKIT_DATA and the weights in TORCH_HOME.
"""

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

SHIPPED = Path(__file__).parents[1] / "tlkit" / "explore" / "results" / "fine_tuning_loop.json"
LEARNING_RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
LABELS_PER_CLASS = (2, 10)
EPOCHS = (10, 30)
SEEDS = tuple(range(5))
PATIENCE = (2, 5)
MISSING = ("nothing", "zero_grad", "train", "eval", "shuffle", "step")
MISSING_EPOCHS, MISSING_SEEDS = 15, tuple(range(10))
REAL_RATES, REAL_EPOCHS, REAL_SEEDS = (3e-4,), 10, tuple(range(5))


def curves(job: tuple[int, float, int, int]) -> dict[str, list]:
    """One run of glyphnet on digits, as `watched` sees it."""
    import tlkit

    labels_per_class, rate, epochs, seed = job
    task = tlkit.load_task("digits", labels_per_class=labels_per_class, seed=seed)
    return watched(tlkit.adapt(tlkit.load_backbone("glyphnet"), task, seed=seed), task, rate, epochs, seed)


def real(job: tuple[float, int, int]) -> dict[str, list]:
    """The same on 50 scans a class, the first six of MobileNetV2's stages frozen."""
    import tlkit

    rate, epochs, seed = job
    task = tlkit.load_task("pneumoniamnist", labels_per_class=50, seed=seed)
    model = tlkit.adapt(tlkit.load_backbone("mobilenet_v2", image_size=64), task, seed=seed)
    return watched(model, task, rate, epochs, seed, frozen=6)


def watched(model, task, rate: float, epochs: int, seed: int, frozen: int = 0) -> dict[str, list]:
    """A run of `tlkit.finetune` that never stops early, and what early stopping would have made of it.

    Returns:
        "train_loss", "val_loss", "val_right" by epoch; "test_right" at the end; "stopped": for each patience the epoch that
        comes back, the number of epochs that were run, and "test_right" of what came back. "right" counts examples.
    """
    import torch

    import tlkit
    from tlkit.callbacks import Callback
    from tlkit.early_stopping import EarlyStopping, stopping_point
    from tlkit.feature_cache import open_examples
    from tlkit.plans import Phase, Plan
    from tlkit.prediction import collect
    from tlkit.resuming import put_in

    torch.set_num_threads(1)
    plan = Plan("watched", (Phase(epochs, rate, rate, frozen=frozen),), batch_size=16)
    seen: dict = {"train_loss": [], "val_loss": [], "val_right": []}
    stopping = {patience: EarlyStopping(patience, lower_is_better=True) for patience in PATIENCE}
    examples = {}

    def right(split):
        if split not in examples:  # only while training it is known what is frozen
            examples[split] = open_examples(model, task.splits[split], plan)
        found = collect(model, task.splits[split], examples[split])
        return found.loss, int((found.outputs.argmax(1) == found.targets).sum())

    class Watcher(Callback):
        def on_epoch(self, record):
            loss, count = right("val")
            seen["train_loss"].append(rounded(record["loss"]))
            seen["val_loss"].append(rounded(loss))
            seen["val_right"].append(count)
            for each in stopping.values():
                if not each.is_over:
                    each.note(seen["val_loss"][-1], model.state_dict())

    tlkit.finetune(model, task, plan, seed, callbacks=[Watcher()], progress=False)
    seen["test_right"], tested = right("test")[1], {}
    for patience, each in stopping.items():
        epoch, run = stopping_point(seen["val_loss"], patience, lower_is_better=True)
        if epoch not in tested:
            put_in(model, each.weights)
            tested[epoch] = right("test")[1]
        seen.setdefault("stopped", {})[str(patience)] = [epoch, run, tested[epoch]]
    return seen


def rounded(loss: float) -> float:
    """Three digits are all that a picture shows."""
    return float(f"{loss:.3g}")


def missing(job: tuple[str, int, int]) -> dict[str, list]:
    """A plain loop without one of its lines, on ten digits a class.

    Returns:
        By epoch: the loss that the loop reports, the validation accuracy that it reports, and the true one.
    """
    import torch
    from torch.nn.functional import cross_entropy

    import tlkit

    without, epochs, seed = job
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    task = tlkit.load_task("digits", labels_per_class=10, seed=seed)
    model = tlkit.adapt(tlkit.load_backbone("glyphnet"), task, seed=seed).eval()
    model.dropout.p = 0.2
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    inputs, labels = task.train.inputs, task.train.labels
    seen: dict[str, list] = {"loss": [], "reported": [], "true": []}
    for _ in range(epochs):
        if without != "train":
            model.train()
        order = labels.argsort(stable=True) if without == "shuffle" else torch.randperm(len(labels))
        total = 0.0
        for batch in order.split(16):
            if without != "zero_grad":
                optimizer.zero_grad()
            loss = cross_entropy(model(inputs[batch]), labels[batch])
            loss.backward()
            if without != "step":
                optimizer.step()
            total += loss.item() * len(batch)
        seen["loss"].append(rounded(total / len(labels)))
        with model.evaluating():
            seen["true"].append(share_right(model, task.val, 64))
        if without != "eval":
            model.eval()
        with torch.no_grad():  # in training mode this moves the running statistics, as it would in anybody's loop
            seen["reported"].append(share_right(model, task.val, 64))
    return seen


def share_right(model, split, batch_size: int) -> float:
    """The share of a split's examples that a model names correctly, in the mode that it is in."""
    right = sum(int((model(inputs).argmax(1) == labels).sum())
                for inputs, labels in zip(split.inputs.split(batch_size), split.labels.split(batch_size), strict=True))
    return round(right / len(split), 4)


def measure(part: str, quick: bool, workers: int, kept: Path, count: int | None = None) -> dict:
    """Everything that is shipped of one part, with all seeds or the first `count`."""
    seeds, epochs = (SEEDS[:1], (2, 3)) if quick else (SEEDS[:count], EPOCHS)
    at_once = partial(_at_once, workers=workers, kept=kept)
    if part == "curves":
        jobs = [(count, rate, length, seed) for seed in seeds for count in LABELS_PER_CLASS for rate in LEARNING_RATES for length in epochs]
        found = at_once(curves, jobs)
        runs = {f"{count} {rate:g} {length}": [found[count, rate, length, seed] for seed in seeds]
                for count in LABELS_PER_CLASS for rate in LEARNING_RATES for length in epochs}
        return {"labels_per_class": LABELS_PER_CLASS, "learning_rates": LEARNING_RATES, "epochs": epochs, "seeds": seeds, "patience": PATIENCE,
                "sizes": _sizes("digits"), "runs": runs}
    if part == "missing":
        seeds, length = (MISSING_SEEDS[:1], 2) if quick else (MISSING_SEEDS[:count], MISSING_EPOCHS)
        found = at_once(missing, [(line, length, seed) for line in MISSING for seed in seeds])
        return {"labels_per_class": 10, "epochs": length, "seeds": seeds,
                "runs": {line: [found[line, length, seed] for seed in seeds] for line in MISSING}}
    seeds, length = (REAL_SEEDS[:1], 2) if quick else (REAL_SEEDS[:count], REAL_EPOCHS)
    found = at_once(real, [(rate, length, seed) for rate in REAL_RATES for seed in seeds])
    return {"labels_per_class": 50, "learning_rates": REAL_RATES, "epochs": length, "seeds": seeds, "patience": PATIENCE,
            "sizes": _sizes("pneumoniamnist"), "runs": {f"{rate:g}": [found[rate, length, seed] for seed in seeds] for rate in REAL_RATES}}


def _sizes(task: str) -> dict[str, int]:
    import tlkit

    return {name: len(getattr(tlkit.load_task(task), name)) for name in ("val", "test")}


def _at_once(function, jobs: list, workers: int, kept: Path) -> dict:
    """Every job's result. Each is also kept in a file, so that a measurement that was cut short goes on where it was."""
    found = {tuple(job): result for job, result in map(json.loads, kept.read_text().splitlines())} if kept.exists() else {}
    left = [job for job in jobs if job not in found]
    kept.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool, kept.open("a", encoding="utf-8") as file:
        waiting = {pool.submit(function, job): job for job in left}
        for done in tqdm(as_completed(waiting), total=len(left), unit="run", mininterval=5):
            found[waiting[done]] = done.result()
            print(json.dumps([waiting[done], done.result()]), file=file, flush=True)
    return {job: found[job] for job in jobs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=SHIPPED, help="where the figures go; parts that are there already stay")
    parser.add_argument("--only", choices=("curves", "missing", "real"), help="one part alone")
    parser.add_argument("--quick", action="store_true", help="one seed and few epochs")
    parser.add_argument("--seeds", type=int, help="only the first so many")
    parser.add_argument("--workers", type=int, default=2, help="processes, each of one thread")
    options = parser.parse_args()
    if options.quick and options.json == SHIPPED:
        parser.error("--quick is no measurement to ship: name another file with --json")
    for part in [options.only] if options.only else ("curves", "missing", "real"):
        started = time.perf_counter()
        kept = options.json.with_suffix(f".{part}.part")
        found = measure(part, options.quick, options.workers, kept, options.seeds)
        found["seconds"] = round(time.perf_counter() - started)
        results = json.loads(options.json.read_text()) if options.json.exists() else {}
        results |= {"command": "python -m benchmarks.fine_tuning_loop", part: found}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results, separators=(",", ":")) + "\n", encoding="utf-8")
        kept.unlink()
        print(f"{part}: wrote {options.json.name} after {found['seconds']} s")


if __name__ == "__main__":
    main()
