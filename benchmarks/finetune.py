"""Fine-tuning by tlkit and by its peers: seconds, memory and accuracy on the same model, data, batches and seed.

    TLKIT_DATA=... TORCH_HOME=... python -m benchmarks.finetune            # hours; writes benchmarks/results/finetune.json
    python -m benchmarks.finetune --quick --json FILE                      # minutes, to see that it runs
    python -m benchmarks.finetune --scenario frozen_trunk --epochs 50 --json FILE

MobileNetV2 with ImageNet's weights on PneumoniaMNIST at 96 pixels, and MiniLM on banking77, with the trunk frozen, the
bottom half frozen, and nothing frozen. Peers that are not installed are left out:
`pip install -r benchmarks/requirements.txt`.

What is the same for all: the modules (stages out of `tlkit.load_backbone`, the head drawn by the seed), frozen stages in
eval mode throughout, with their BatchNorm's statistics; the optimiser (AdamW, fused), its groups, learning rates, warm-up
and cosine; the order of the examples; batches of 32, texts padded to the longest of their batch; float32; threads; no
validation during training. Each side has a process of its own, and trains for an epoch of four batches first, which is
not counted. Counted is everything from the raw data (images in memory, texts) to the trained weights.

"seconds" are of the wall clock and "cpu_seconds" of the processor, for all threads of the side; the former say little where
other work shares the machine, which "load" tells (the mean number of busy threads in the minute before). "head" is the
length of the trained head's weights, by which one sees that all trained the same. "peak_mb" (of 10^6 bytes) is the most that the
process held while it trained, libraries and data included, of which "start_mb" were there before.
"""

import argparse
import copy
import io
import os
import platform
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.keeping import add_resume, forget_peak, in_own_process, keep, memory, resumed

RESULTS = Path(__file__).parent / "results" / "finetune.json"
SCENARIOS = ("frozen_trunk", "half_frozen", "full")
WARM_UP_EXAMPLES = 4 * 32
QUICK = {"epochs": 2, "examples": 96, "test_examples": 64}


def run(job) -> dict:
    """Carry out one job in this process: what it cost, and how good the model is on test examples."""
    import torch

    from benchmarks.finetune_setting import load, test_logits
    from benchmarks.finetune_sides import SIDES

    if job.threads:
        torch.set_num_threads(job.threads)
    model, task = load(job)
    train = SIDES[job.side]
    few = replace(task, train=task.train.select(range(min(len(task.train), WARM_UP_EXAMPLES))))
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        train(copy.deepcopy(model), few, replace(job, epochs=1))
        torch.manual_seed(job.seed)
        held, load_before = memory("VmRSS"), os.getloadavg()[0]
        forget_peak()
        started, busy = time.perf_counter(), time.process_time()
        said = train(model, task, job)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - busy
    peak = memory("VmHWM")
    logits = test_logits(model, task.test)
    accuracy = float((logits.argmax(dim=1) == task.test.labels).float().mean())
    return {
        "seconds": seconds, "peak_mb": peak, "accuracy": accuracy, "cpu_seconds": cpu_seconds, "start_mb": held,
        "head": float(model.head.weight.detach().norm()), "threads": torch.get_num_threads(), "load": load_before, **said,
    }  # fmt: skip


def measure(models, scenarios, sides, options, done: dict, save) -> dict:
    """Every job that `done` does not hold yet; `save` is called with the results after each."""
    from benchmarks.finetune_setting import Job
    from benchmarks.finetune_sides import missing

    results = done
    for model in models:
        for scenario in scenarios:
            found = results.setdefault(model, {}).setdefault(scenario, {})
            for side in sides:
                if side in found or (side == "limit" and scenario == "full"):
                    continue
                if what := missing(side):
                    print(f"{model} {scenario} {side}: left out, since {what} is not installed", flush=True)
                    continue
                outcome = in_own_process(run, Job(model, scenario, side, **options))
                if "left_out" in outcome:
                    print(f"{model} {scenario} {side}: left out: {outcome['left_out']}; TLKIT_DATA and TORCH_HOME say where data and weights are", flush=True)
                    continue
                found[side] = {key: round(value, 4) if isinstance(value, float) else value for key, value in outcome.items()}
                print(f"{model} {scenario} {side}: {_figures(found[side])}", flush=True)
                save(results)
    return results


def _figures(figures: dict) -> str:
    accuracy = "  not trained to the end" if figures["accuracy"] is None else f"  accuracy {figures['accuracy']:.3f}"
    return f"{figures['seconds']:9.2f} s  {figures['cpu_seconds']:9.2f} cpu s  {figures['peak_mb']:7.0f} MB{accuracy}"


def print_ratios(results: dict, models, scenarios) -> None:
    """How many times as long as tlkit each side takes; above 1 tlkit is faster."""
    for model in models:
        for scenario in scenarios:
            found = results.get(model, {}).get(scenario, {})
            if "tlkit" not in found:
                continue
            print(f"{model} {scenario}: times tlkit's seconds (cpu seconds; memory)")
            for side, figures in found.items():
                seconds, cpu, memory = (figures[what] / found["tlkit"][what] for what in ("seconds", "cpu_seconds", "peak_mb"))
                print(f"  {side:<10}{seconds:7.2f}  ({cpu:.2f}; {memory:.2f})")


def main() -> None:
    from benchmarks.finetune_setting import SETTINGS
    from benchmarks.finetune_sides import SIDES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures go")
    parser.add_argument("--quick", action="store_true", help="few examples and epochs, to see that it runs")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--examples", type=int, help="training examples, where not those of the settings")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="of torch; its own choice where not given")
    parser.add_argument("--model", choices=SETTINGS, action="append", help="only this one; may be given again")
    parser.add_argument("--scenario", choices=SCENARIOS, action="append", help="only this one; may be given again")
    parser.add_argument("--side", choices=SIDES, action="append", help="only this one; may be given again")
    add_resume(parser)
    chosen = parser.parse_args()
    if (chosen.quick or chosen.examples) and chosen.json == RESULTS:
        parser.error("--quick and --examples give no measurement to keep: name another file with --json")
    options = {"epochs": chosen.epochs, "examples": chosen.examples, "seed": chosen.seed, "threads": chosen.threads, **(QUICK if chosen.quick else {})}
    models, scenarios = chosen.model or list(SETTINGS), chosen.scenario or SCENARIOS
    about = {"device": f"{os.cpu_count()}-core CPU ({platform.machine()})", "settings": options}
    done = resumed(parser, chosen, options)
    results = measure(models, scenarios, chosen.side or list(SIDES), options, {**done, **about}, partial(keep, chosen.json))
    print_ratios(results, models, scenarios)


if __name__ == "__main__":
    main()
