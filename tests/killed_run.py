"""Starts a run again and again in processes of its own and kills each at a random moment, until one comes to its end.

    python -m tests.killed_run BODY FOLDER OUT KILLS
"""

import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

import tlkit
from tests.small_models import model_for
from tlkit import checkpoints, plans

PLAN = plans.full(epochs=24, learning_rate=1e-3, frozen=1, jitter=None, batch_size=4, dropout=0.1)


def load():
    return tlkit.load_task("tickets", labels_per_class=2, seed=0)


def train(body: str, folder: Path | None):
    task = load()
    return tlkit.finetune(model_for(task, body), task, PLAN, seed=1, progress=False, checkpoint=folder, checkpoint_every=1)


def main(body: str, folder: Path, out: Path, wanted: int) -> None:
    """Print how often a run was killed, and how many of the checkpoints that were left could be read."""
    torch.set_num_threads(1)
    import_module("torch._dynamo")  # which the first optimiser would load in every process
    random, kills, whole = np.random.default_rng(0), 0, 0
    while not out.exists():
        before = mark(folder)
        child = os.fork()  # without importing everything anew
        if child == 0:
            train(body, folder).save(out)
            os._exit(0)
        ended, deadline = False, time.monotonic() + 60
        while not ended and mark(folder) == before and time.monotonic() < deadline:
            time.sleep(0.001)
            ended = os.waitpid(child, os.WNOHANG)[0] == child
        if not ended:
            if kills < wanted:
                time.sleep(random.uniform(0, 0.03))
                os.kill(child, signal.SIGKILL)
                kills += 1
            os.waitpid(child, 0)
        whole += checkpoints.load(folder) is not None
    print(kills, whole)


def mark(folder: Path) -> int | None:
    path = folder / checkpoints.FILE
    return path.stat().st_mtime_ns if path.exists() else None


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
