"""Two processes and one, with the same total batch."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import tlkit
from tests.small_models import apart, transformer

ACCELERATE = Path(sys.executable).with_name("accelerate")


def finetune(out, body, *options, processes: int = 1):
    """Run the command; 243 sentences in batches of 22 leave one over, which one of two processes has none of."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = [str(ACCELERATE), "launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no",
              "--dynamo_backend", "no", "--main_process_port", str(port), "-m", "tlkit"]
    command = [*(launch if processes == 2 else [sys.executable, "-m", "tlkit"]), "finetune", "entities", "--out", str(out), "--backbone", str(body),
               "--epochs", "2", "--batch-size", "22", "--precision", "float64", "--device", "cpu", "--patience", "0", "--lr", "1e-3", *options]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    return tlkit.load(out).model


@pytest.mark.parametrize("options", [
    ("--plan", "full", "--accumulate", "2"),
    pytest.param(("--plan", "full", "--frozen", "1"), marks=pytest.mark.slow),
])
def test_two_processes_end_in_the_weights_of_one(tmp_path, options):
    body = transformer(tmp_path, "bert")
    one = finetune(tmp_path / "one", body, *options)
    two = finetune(tmp_path / "two", body, *options, processes=2)
    assert 0 < apart(one, two) < 1e-9  # not the very same, since sums were formed in another order: two did take part
