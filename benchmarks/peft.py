"""What few trainable parameters reach and cost, by tlkit and by Hugging Face's peft: `python -m benchmarks.peft`.

    TLKIT_DATA=... TORCH_HOME=... python -m benchmarks.peft             # hours; writes benchmarks/results/peft.json
    python -m benchmarks.peft --quick --json FILE                       # minutes, to see that it runs
    python -m benchmarks.peft --only minilm --methods probe,lora-8 --json FILE
    python -m benchmarks.peft --examples 500 --seeds 1 --resume         # goes on where an interrupted run of the same ended

MiniLM on 2,000 texts of banking77, and MobileNetV2 with ImageNet's weights on PneumoniaMNIST at 64 pixels; three seeds draw
head, order and (banking77) the texts. The methods' learning rates are those that `tlkit finetune` takes (`tlkit.defaults`).

Each run has a process of its own. "accuracy" is that on test examples; "share" the part of the model's parameters that was
trained; "seconds" those of training, all preparation included; "peak_mb" (of 10^6 bytes) the most that the process held while it
trained, of which "start_mb" were there before. The side "peft" (`benchmarks.peft_side`) is LoRA or BitFit (its `bias="all"` beside
nothing else) by peft around the same modules, or its prompts before a BERT of transformers, trained in plain PyTorch on the same
batches by the same optimiser and schedule, the body in eval mode as here, which keeps no activations.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.keeping import add_resume, forget_peak, in_own_process, keep, memory, resumed

RESULTS = Path(__file__).parent / "results" / "peft.json"
RANKS = (1, 2, 4, 8, 16, 32, 64)
METHODS = ("probe", "full", *(f"lora-{rank}" for rank in RANKS), "adapters", "bitfit", "prompt_tuning", "prefix_tuning", "ia3")
BODIES = {"minilm": ("banking77", 2000, None), "mobilenet_v2": ("pneumoniamnist", None, 64)}
PLANS = {"probe": "linear_probe"}


@dataclass(frozen=True)
class Job:
    """A run: a body, a method, a side ("tlkit" or "peft") and a seed; epochs and numbers of examples where they are cut."""

    body: str
    method: str
    side: str
    seed: int
    epochs: int | None = None
    examples: int | None = None
    test_examples: int | None = None


def load(job: Job):
    """Model, task and plan of a job."""
    import torch

    import tlkit
    from tlkit.defaults import default_plan

    name, examples, image_size = BODIES[job.body]
    task = tlkit.load_task(name, examples=job.examples or examples, seed=job.seed)
    if job.test_examples:
        drawn = torch.randperm(len(task.test), generator=torch.Generator().manual_seed(0))[: job.test_examples]
        task = replace(task, test=task.test.select(drawn))
    body = tlkit.load_backbone(job.body, image_size=image_size) if image_size else tlkit.load_backbone(job.body)
    plan, _, rank = job.method.partition("-")
    settings = {"method": {"rank": int(rank)}} if rank else {}
    plan = default_plan(PLANS.get(plan, plan), body, epochs=job.epochs, **settings)
    return tlkit.adapt(body, task, job.seed), task, plan


def run(job: Job) -> dict:
    """What one run reached and cost, in this process."""
    from benchmarks import peft_side  # noqa: F401  each side starts with the libraries of both
    from tlkit import training  # noqa: F401

    model, task, plan = load(job)
    for values in model.state_dict().values():  # of weights that are mapped from a file, what is read is held from here on
        values.sum()
    held, busy = memory("VmRSS"), os.getloadavg()[0]
    forget_peak()
    started, worked = time.perf_counter(), time.process_time()
    trained = (train_here if job.side == "tlkit" else train_peft)(model, task, plan, job.seed)
    found = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - worked, "load": busy}
    found |= {"peak_mb": memory("VmHWM"), "start_mb": held}
    return {**found, **trained(), "epochs": plan.epochs}


def train_here(model, task, plan, seed: int) -> Callable[[], dict]:
    """`tlkit.finetune`; gives what then counts and judges."""
    import tlkit
    from tlkit.prediction import collect

    tlkit.finetune(model, task, plan, seed, progress=False)
    return lambda: counts(model.parameters()) | {"accuracy": collect(model, task.test).metric("accuracy")}


def train_peft(model, task, plan, seed: int) -> Callable[[], dict]:
    """The same by peft and a plain loop."""
    from benchmarks import peft_side
    from benchmarks.finetune_setting import Prepared

    side = peft_side.train(model, task, plan, seed)
    return lambda: counts(side.parameters()) | {"accuracy": peft_side.accuracy(side, Prepared(model, task.test))}


def counts(parameters: Iterable) -> dict:
    """How many parameters learned, and their share of all."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in parameters]
    trained = sum(size for size, learned in sizes if learned)
    return {"trained": trained, "share": trained / sum(size for size, _ in sizes)}


def sides(body: str, method: str) -> tuple[str, ...]:
    """Who can do it: peft's prompts stand before BERT alone."""
    theirs = method.startswith(("lora", "bitfit")) or (body, method) == ("minilm", "prompt_tuning")
    return ("tlkit", "peft") if theirs else ("tlkit",)


def measure(bodies, methods, seeds: int, options: dict, save, done: list[dict] = ()) -> dict:
    """Every run in turn, both sides of a method directly after each other; `save` is called after each, and what is `done` is kept."""
    results: dict = {"machine": platform.machine(), "processors": os.cpu_count(), "settings": options, "runs": list(done)}
    known = {(run["body"], run["method"], run["side"], run["seed"]) for run in done}
    for seed in range(seeds):
        for body in bodies:
            for method in methods:
                for side in sides(body, method):
                    if (body, method, side, seed) in known:
                        continue
                    found = in_own_process(run, Job(body, method, side, seed, **options))
                    results["runs"].append({"body": body, "method": method, "side": side, "seed": seed, **found})
                    print(_line(results["runs"][-1]), flush=True)
                    save(results)
    return results


def _line(record: dict) -> str:
    head = f"{record['body']:<13}{record['method']:<14}{record['side']:<6} seed {record['seed']}"
    if "left_out" in record:
        return f"{head}  left out: {record['left_out']}"
    return (f"{head}  accuracy {record['accuracy']:.3f}  share {record['share']:.4%}  {record['seconds']:7.1f} s  "
            f"{record['cpu_seconds']:7.1f} cpu s  {record['peak_mb']:6.0f} MB (from {record['start_mb']:.0f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=BODIES, help="one body alone")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--examples", type=int, help="training examples, where not 2,000 texts and all scans")
    parser.add_argument("--quick", action="store_true", help="one seed, one epoch, few examples")
    add_resume(parser)
    parser.add_argument("--json", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    settings = {"epochs": 1, "examples": 64, "test_examples": 64} if arguments.quick else {"examples": arguments.examples}
    done = resumed(parser, arguments, settings).get("runs", ())
    bodies = [arguments.only] if arguments.only else list(BODIES)
    measure(bodies, arguments.methods.split(","), 1 if arguments.quick else arguments.seeds, settings,
            partial(keep, arguments.json), done)


if __name__ == "__main__":
    main()
