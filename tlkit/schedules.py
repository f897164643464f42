"""How the learning rate moves over a phase: a line up, then a cosine, a line, or nothing, down."""

import math

SCHEDULES = ("cosine", "linear", "constant")


def rate_factor(schedule: str, step: int, steps: int, warmup: float) -> float:
    """The share of the full learning rate at `step` of `steps`.

    Over the first `warmup` of the steps a line up; then with t from 0 to 1 over the rest, (1 + cos pi t) / 2 for
    "cosine", 1 - t for "linear", 1 for "constant".
    """
    warmup_steps = warmup * steps
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    t = min(1.0, (step - warmup_steps) / max(1.0, steps - warmup_steps))
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * t))
    return 1 - t if schedule == "linear" else 1.0


def warmup_cosine(step: int, steps: int, warmup: float) -> float:
    """`rate_factor` with a cosine."""
    return rate_factor("cosine", step, steps, warmup)
