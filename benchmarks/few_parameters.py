"""The measurements of unit 09: few trainable parameters, what they reach and what they cost, by rank and by method.

    python -m benchmarks.few_parameters                      # writes what the package ships
    python -m benchmarks.few_parameters --quick --json FILE  # two seeds and one label count, to see that it runs
    python -m benchmarks.peft                                # larger bodies, beside Hugging Face's peft

Three tasks: the digits, which are near to the letters that glyphnet knows; the same digits with their 64 pixels in another order
(one order for all images), which are far from everything that it knows; and the course's tickets with MiniLM. Each way is tuned by
itself, at each task and label count, on the validation split: one learning rate of what is trained in the body for all seeds, chosen by its mean
validation accuracy, out of equally many for every way. Seed s draws the same labelled examples for all. Every way has the same
number of epochs, and the same rate for its head.

LoRA's updates lie beside every convolution of glyphnet's blocks, and beside MiniLM's queries and values. alpha = 16 throughout.

Bytes are counted on a step with AdamW; its state is counted after the step. Seconds of a step are those of one core of a CPU, the
median of some. Runs are noted one by one in FILE.runs, so that a measurement that was cut short goes on where it stood.
"""

import json
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from benchmarks import shipping
from benchmarks.freezing import run_all

RANKS = (1, 4, 16)
TASKS = {"digits": "glyphnet", "scrambled digits": "glyphnet", "tickets": "minilm"}
LABELS_PER_CLASS = (2, 60)      # of scrambled digits; of plain ones the first alone, as with more every way reads nearly all of them
TICKETS_PER_CLASS = 4
SEEDS = tuple(range(6))
SEEDS_OF_TICKETS = 3             # a run with MiniLM takes as long as many of glyphnet
WAYS = ("head alone", *(f"LoRA {rank}" for rank in RANKS), "BitFit", "adapters", "prompts", "everything")
RATES = {  # of what is trained in the body; two for every way
    "glyphnet": {"head alone": (1e-2, 3e-2), "LoRA": (1e-3, 3e-3), "BitFit": (1e-2, 3e-2), "adapters": (1e-3, 3e-3), "everything": (1e-3, 3e-3)},
    "minilm": {"head alone": (1e-2, 3e-2), "LoRA": (1e-3, 3e-3), "BitFit": (1e-3, 3e-3), "adapters": (5e-4, 2e-3), "prompts": (1e-2, 3e-2),
               "everything": (1e-4, 3e-4)},
}
EPOCHS = {"glyphnet": {2: 30, 60: 6}, "minilm": {TICKETS_PER_CLASS: 6}}
HEAD_RATE, BATCH_SIZE, ALPHA = 1e-2, 16, 16.0
SHIPPED = Path(__file__).parents[1] / "tlkit" / "explore" / "results" / "peft.json"


def load(name: str, labels_per_class: int, seed: int):
    """The task; scrambled digits have the pixels of digits in another order, the same for every image and seed."""
    import torch

    import tlkit

    task = tlkit.load_task(name.removeprefix("scrambled "), labels_per_class=labels_per_class, seed=seed)
    if not name.startswith("scrambled"):
        return task
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0))
    return replace(task, **{key: replace(split, inputs=split.inputs.flatten(1)[:, order].reshape(split.inputs.shape))
                            for key, split in task.splits.items()})


def ways_of(name: str) -> list[str]:
    """Prompts stand in front of a sequence, which pictures are not for glyphnet."""
    return [way for way in WAYS if way != "prompts" or TASKS[name] == "minilm"]


def rates_of(name: str, way: str) -> tuple[float, ...]:
    return RATES[TASKS[name]][way.partition(" ")[0] if way.startswith("LoRA") else way]


def plan_for(name: str, labels_per_class: int, way: str, rate: float):
    """The plan of a way; of the head alone the rate is the head's."""
    from tlkit import plans

    body = TASKS[name]
    settings = {"epochs": EPOCHS[body][labels_per_class], "batch_size": BATCH_SIZE, "jitter": None, "patience": None}
    if way == "head alone":
        return plans.linear_probe(learning_rate=rate, **settings)
    settings |= {"learning_rate": rate, "head_learning_rate": HEAD_RATE}
    if way.startswith("LoRA"):
        return plans.lora(rank=int(way.split()[1]), alpha=ALPHA, targets=("block*",) if body == "glyphnet" else None, **settings)
    return {"BitFit": plans.bitfit, "adapters": plans.adapters, "prompts": plans.prompt_tuning, "everything": plans.full}[way](**settings)


def run(job: tuple[str, int, str, float, int]) -> tuple[float, float]:
    """Validation and test accuracy of one way at one setting and seed."""
    import torch

    import tlkit

    name, labels_per_class, way, rate, seed = job
    torch.set_num_threads(1)
    task = load(name, labels_per_class, seed)
    model = tlkit.adapt(tlkit.load_backbone(TASKS[name]), task, seed=seed)
    trained = tlkit.finetune(model, task, plan_for(name, labels_per_class, way, rate), seed, progress=False)
    return trained.accuracy("val"), trained.accuracy("test")


def cost(job: tuple[str, str], steps: int = 9) -> dict:
    """What a step of a way costs: parameters that train in the body, bytes by where they are, AdamW's state, seconds of one core.

    "seconds" are of whole steps, forward, backward and AdamW; "forward" of answering the same batch.
    """
    import torch

    import tlkit
    from tlkit.freezing import freeze, parameter_groups, stages_frozen_by
    from tlkit.peft import place
    from tlkit.training_memory import training_bytes

    name, way = job
    torch.set_num_threads(1)
    count = next(iter(EPOCHS[TASKS[name]]))
    task, plan = load(name, count, 0), plan_for(name, count, way, 1e-3)
    model = tlkit.adapt(tlkit.load_backbone(TASKS[name]), task, seed=0)
    if plan.method is not None:
        place(model.backbone, plan.method)
    phase = plan.phases[0]
    freeze(model, stages_frozen_by(model, phase)).train()
    inputs, labels = task.train.inputs[:BATCH_SIZE], task.train.labels[:BATCH_SIZE]
    optimizer = torch.optim.AdamW(parameter_groups(model, phase.learning_rate, phase.head_learning_rate), fused=True)
    took = []
    for _ in range(steps):
        started = time.process_time()
        optimizer.zero_grad()
        model.loss(model(inputs), labels).backward()
        optimizer.step()
        took.append(time.process_time() - started)
    state = sum(values.nbytes for each in optimizer.state.values() for values in each.values() if values.ndim)
    held = asdict(training_bytes(model, inputs, labels))
    answered = []
    with model.evaluating():
        for _ in range(steps):
            started = time.process_time()
            model(inputs)
            answered.append(time.process_time() - started)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return {"trained": trained, "head": sum(parameter.numel() for parameter in model.head.parameters()), "state": state, "bytes": held,
            "seconds": round(float(np.median(took[1:])), 5), "forward": round(float(np.median(answered[1:])), 5)}


def counts_of(name: str, labels_per_class: tuple[int, ...]) -> tuple[int, ...]:
    """The label counts that a task is measured at."""
    return {"digits": labels_per_class[:1], "tickets": (TICKETS_PER_CLASS,)}.get(name, labels_per_class)


def measure(labels_per_class: tuple[int, ...], seeds: tuple[int, ...], workers: int, notes: Path) -> dict:
    """What each way costs; its rate, from the first seed; and for each task, label count and way every seed's test accuracy at that rate."""
    took = run_all(cost, [(name, way) for name in ("digits", "tickets") for way in ways_of(name)], 1, notes)
    settings = [(name, count, way) for name in TASKS for count in counts_of(name, labels_per_class) for way in ways_of(name)]
    first = [(*setting, rate, seeds[0]) for setting in settings for rate in rates_of(setting[0], setting[2])]
    tried = run_all(run, first, workers, notes)
    chosen = {setting: max(rates_of(setting[0], setting[2]), key=lambda rate, setting=setting: tried[*setting, rate, seeds[0]][0]) for setting in settings}
    drawn = {name: seeds[:SEEDS_OF_TICKETS] if name == "tickets" else seeds for name in TASKS}
    rest = [(*setting, chosen[setting], seed) for seed in seeds[1:] for setting in settings if seed in drawn[setting[0]]]
    found = tried | run_all(run, rest, workers, notes)
    tasks = {}
    for name in TASKS:
        counts = counts_of(name, labels_per_class)
        tasks[name] = {"ways": ways_of(name), "labels_per_class": list(counts), "seeds": list(drawn[name]),
                       "accuracy": [[[round(found[name, count, way, chosen[name, count, way], seed][1], 4) for seed in drawn[name]] for way in ways_of(name)]
                                    for count in counts],
                       "rate": [[chosen[name, count, way] for way in ways_of(name)] for count in counts]}
    return {"ranks": list(RANKS), "bodies": TASKS, "tasks": tasks, "rates": RATES,
            "epochs": {body: {str(count): number for count, number in epochs.items()} for body, epochs in EPOCHS.items()},
            "batch_size": BATCH_SIZE,
            "cost": {TASKS[name]: {way: took[name, way] for way in ways_of(name)} for name in ("digits", "tickets")},
            "command": "python -m benchmarks.few_parameters"}


def main() -> None:
    shipping.run(__doc__, SHIPPED, LABELS_PER_CLASS, SEEDS, measure, print_table)


def print_table(results: dict) -> None:
    """What a step costs by way, and mean test accuracies with intervals."""
    from tlkit.evaluation import mean_interval

    for body, ways in results["cost"].items():
        for way, found in ways.items():
            print(f"{body:9} {way:11} {found['trained']:>10,} train, AdamW's state {found['state'] / 1e6:8.3f} MB, "
                  f"activations {found['bytes']['activations'] / 1e6:7.2f} MB, step {found['seconds'] * 1e3:6.1f} ms, answer {found['forward'] * 1e3:6.1f} ms")
    for name, found in results["tasks"].items():
        for row, count in enumerate(found["labels_per_class"]):
            for way, accuracy, rate in zip(found["ways"], found["accuracy"][row], found["rate"][row], strict=True):
                print(f"{name:17} {count:>3} labels per class, {way:11} accuracy {mean_interval(accuracy)}, rate {rate:g}")


if __name__ == "__main__":
    main()
