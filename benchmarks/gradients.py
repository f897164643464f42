"""Every closed form against autograd: how near it is, and how fast.

    python -m benchmarks.gradients [--json FILE] [--repeats N] [--table]

Errors are the largest over random shapes, max |formula - autograd| / max |autograd| of each gradient. Times are medians of
interleaved runs on tensors that are laid out beforehand, in float32: the closed form alone, with its look at the values;
autograd's forward and backward, which is what the same gradient costs with torch; and autograd's backward alone. A GPU is
measured as well where there is one. `--table` prints the table of docs/gradients.md from the results.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import torch

from tlkit.gradients.closed_forms import CLOSED_FORMS, ClosedForm, Draw, Example, relative_error
from tlkit.gradients import closed_forms

RESULTS = Path(__file__).parent / "results" / "gradients.json"
SEEDS = 200
SIZES = {"small": (32, 10), "large": (512, 1000)}
"""(batch, classes or features) of what is timed: a head of ten classes, and one of a thousand."""


class Sized(Draw):
    """Draws whose sizes are given: the batch first, then features, and few places and heads."""

    def __init__(self, seed: int, dtype: torch.dtype, device: str, batch: int, features: int):
        super().__init__(seed, dtype, device)
        self.batch, self.features = batch, features

    def sizes(self, count: int) -> list[int]:
        return {1: [self.features], 2: [self.batch, self.features], 3: [self.batch, 8, self.features],
                4: [self.batch, 8, self.features, self.features], 5: [self.batch, 16, 16, 32, 32]}[count]


def errors(form: ClosedForm, dtype: torch.dtype) -> float:
    """The largest relative error over random shapes."""
    return max(relative_error(form.by_formula(example), form.by_autograd(example))
               for example in (form.example(seed, dtype) for seed in range(SEEDS)))


def timed_example(form: ClosedForm, size: tuple[int, int], device: str) -> Example:
    """An example of one of the SIZES. Forms with many axes are kept to a size that fits."""
    batch, features = size
    draw = Sized(0, torch.float32, device, batch, min(features, 128) if form.name in _MANY_AXES else features)
    drawn = form.draw(draw)
    output = form.function(*drawn.inputs.values(), **drawn.fixed)
    return Example(drawn.inputs, drawn.fixed, draw.normal(*output.shape))


_MANY_AXES = {"linear layer", "LoRA layer", "embedding", "BatchNorm, training", "BatchNorm, evaluation", "LayerNorm",
              "scaled dot-product attention", "convolution"}
_BATCH_NORMS = {"BatchNorm, training", "BatchNorm, evaluation", "convolution"}


def seconds(form: ClosedForm, example: Example, device: str, repeats: int) -> dict[str, float]:
    """Median seconds of the closed form, of autograd's forward and backward, and of its backward alone."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in example.inputs.values()]
    took: dict[str, list[float]] = {"formula": [], "autograd": [], "backward": []}
    for turn in range(repeats + 3):
        started = _now(device)
        with torch.no_grad():
            form.by_formula(example)
        took["formula"].append(_now(device) - started)
        started = _now(device)
        output = form.function(*leaves, **example.fixed)
        between = _now(device)
        torch.autograd.grad(output, leaves, example.upstream)
        ended = _now(device)
        took["autograd"].append(ended - started)
        took["backward"].append(ended - between)
    return {name: sorted(values[3:])[repeats // 2] for name, values in took.items()}


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def measure(repeats: int) -> dict:
    """All figures, one thread on the CPU."""
    torch.set_num_threads(1)
    devices = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
    rows = {}
    for form in CLOSED_FORMS:
        row = {"float64": errors(form, torch.float64), "float32": errors(form, torch.float32), "speed": {}}
        for device in devices:
            for name, size in SIZES.items():
                if form.name in _BATCH_NORMS:
                    size = (8, min(size[1], 16))
                found = seconds(form, timed_example(form, size, device), device, repeats)
                row["speed"][f"{device}, {name}"] = {
                    "microseconds": {key: round(1e6 * value, 1) for key, value in found.items()},
                    "autograd over formula": round(found["autograd"] / found["formula"], 2),
                    "backward over formula": round(found["backward"] / found["formula"], 2),
                }
        rows[form.name] = row
        print(form.name, f"{row['float64']:.1e} {row['float32']:.1e}",
              *[f"{key}: {value['autograd over formula']}" for key, value in row["speed"].items()], sep="  ", flush=True)
    return {
        "device": {"cpu": f"{platform.machine()}, one thread of {os.cpu_count()}",
                   "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None},
        "load": round(os.getloadavg()[0], 1), "torch": torch.__version__, "seeds": SEEDS, "repeats": repeats, "forms": rows,
    }


def table(results: dict) -> str:
    """The results as the table of docs/gradients.md."""
    devices = [key for key in next(iter(results["forms"].values()))["speed"]]
    heads = ["function", "gradient", "error, float64", "error, float32", *[f"autograd / formula, {key}" for key in devices]]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    formulas = {form.name: form.formula for form in closed_forms.CLOSED_FORMS}
    for name, row in results["forms"].items():
        cells = [name, f"${formulas[name]}$", _power(row["float64"]), _power(row["float32"])]
        cells += [f"{row['speed'][key]['autograd over formula']:.1f}" for key in devices]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _power(error: float) -> str:
    return f"{error:.0e}" if error else "0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures go")
    parser.add_argument("--repeats", type=int, default=101)
    parser.add_argument("--table", action="store_true", help="print the table from the results, without measuring")
    arguments = parser.parse_args()
    if not arguments.table:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(measure(arguments.repeats), indent=1) + "\n", encoding="utf-8")
    print(table(json.loads(arguments.json.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
