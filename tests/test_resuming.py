"""Runs that are cut short, wherever it happens, and gone on with."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

import tlkit
from tests import killed_run
from tests.small_models import apart, model_for, transformer
from tlkit import checkpoints, plans
from tlkit.callbacks import Callback
from tlkit.data.augmentation import Jitter
from tlkit.errors import TlkitError
from tlkit.files import write_tensors

PLAN = plans.gradual_unfreezing(steps=1, epochs=2, probe_epochs=2, batch_size=8).changed(
    phases=(plans.Phase(2, 0.0, 1e-2), plans.Phase(3, 1e-3, 1e-3, frozen=-2)), patience=10, dropout=0.2, jitter=Jitter(10, shift=0.5))


@pytest.fixture
def tmp_path(tmp_path):
    """In memory where that can be had: these tests write hundreds of checkpoints, and each waits for the disk."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="tlkit-", dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def task():
    task = tlkit.load_task("digits", labels_per_class=3, seed=0)
    return dataclasses.replace(task, val=task.val.select(np.arange(40)), test=task.test.select(np.arange(40)))


class StopAt(Callback):
    """Raises, as a crash would, at the n-th step."""

    def __init__(self, step: int):
        self.left = step

    def on_step(self, progress):
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("crash")


@pytest.mark.parametrize("every", [None, 3])
def test_a_run_that_crashed_at_any_step_ends_in_the_weights_of_an_unbroken_one(task, tmp_path, every):
    whole = tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, seed=3, progress=False)
    steps = PLAN.epochs * 4
    for step in range(1, steps + 1, 4):
        folder = tmp_path / f"{every}-{step}"
        with pytest.raises(RuntimeError, match="crash"):
            tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, seed=3, progress=False, checkpoint=folder,
                           checkpoint_every=every, callbacks=[StopAt(step)])
        resumed = tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, seed=3, progress=False, checkpoint=folder, checkpoint_every=every)
        assert apart(resumed.model, whole.model) == 0, step
        assert [r["loss"] for r in resumed.records] == [r["loss"] for r in whole.records]
        assert [r["val_accuracy"] for r in resumed.records] == [r["val_accuracy"] for r in whole.records]


def test_a_finished_run_is_given_back_as_it_ended(task, tmp_path):
    once = tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, progress=False, checkpoint=tmp_path)
    trained = []
    again = tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, progress=False, checkpoint=tmp_path,
                           callbacks=[type("Count", (Callback,), {"on_step": lambda self, at: trained.append(at)})()])
    assert apart(once.model, again.model) == 0 and again.records == once.records and not trained


@pytest.mark.slow
def test_killed_at_random_moments_a_run_still_ends_in_the_same_weights(tmp_path):
    """SIGKILL twenty times, wherever it hits: between steps, within one, while a checkpoint is written."""
    body, folder, out = transformer(tmp_path, "bert", dropout=0.1), tmp_path / "checkpoint", tmp_path / "model.tl"
    command = [sys.executable, "-m", "tests.killed_run", str(body), str(folder), str(out), "20"]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    kills, whole = map(int, done.stdout.split())
    assert kills == 20 and whole >= 20
    assert apart(tlkit.load(out).model, killed_run.train(body, None).model) == 0


def differs(usual, tmp_path, **changed):
    arguments = {"model": model_for(usual, "glyphnet"), "task": usual, "plan": PLAN, "seed": 0, **changed}
    with pytest.raises(TlkitError) as caught:
        tlkit.finetune(**arguments, progress=False, checkpoint=tmp_path)
    return str(caught.value)


def test_going_on_with_something_else_is_refused_and_says_with_what(task, tmp_path):
    tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, progress=False, checkpoint=tmp_path)
    assert "another plan (batch_size is 8 there and 16 here)" in differs(task, tmp_path, plan=PLAN.changed(batch_size=16))
    assert "another seed (0 there and 4 here)" in differs(task, tmp_path, seed=4)
    fewer = dataclasses.replace(task, train=task.train.select(np.arange(29)))
    assert "another data (of the same name, but with other examples)" in differs(task, tmp_path, task=fewer)
    other = model_for(task, "glyphnet")
    with torch.no_grad():
        other.backbone.stages["stem"][0].weight += 1
    assert "another model (of the same name, but with other weights" in differs(task, tmp_path, model=other)
    smooth = model_for(task, "glyphnet", label_smoothing=0.1)
    assert "another loss (label_smoothing is 0.0 there and 0.1 here)" in differs(task, tmp_path, model=smooth)
    assert (tmp_path / checkpoints.FILE).exists()


def test_another_preparation_of_the_same_body_and_data_is_refused(tmp_path):
    task = tlkit.load_task("cells", examples=8)

    def go_on(size):
        model = tlkit.adapt(tlkit.load_backbone("mobilenet_v2", pretrained=False, image_size=size), task)
        return tlkit.finetune(model, task, plans.linear_probe(epochs=1), progress=False, checkpoint=tmp_path)
    go_on(32)
    before = (tmp_path / checkpoints.FILE).read_bytes()
    with pytest.raises(TlkitError, match=r"another preparation \(images resized to 32 by bilinear interpolation, the middle 32 x 32 kept there and images resized to 40 .* here\)"):
        go_on(40)
    assert (tmp_path / checkpoints.FILE).read_bytes() == before


def test_a_method_with_another_setting_is_named_by_that_setting(task, tmp_path):
    lora = plans.lora(rank=2, epochs=1, jitter=None)
    tlkit.finetune(model_for(task, "glyphnet"), task, lora, progress=False, checkpoint=tmp_path)
    assert "another plan (rank is 2 there and 3 here)" in differs(task, tmp_path, plan=plans.lora(rank=3, epochs=1, jitter=None))
    assert "another plan (targets is None there and block3.* here)" in differs(task, tmp_path, plan=plans.lora(rank=2, targets="block3.*", epochs=1, jitter=None))
    assert "another plan (lora there and bitfit here)" in differs(task, tmp_path, plan=plans.bitfit(epochs=1, jitter=None))
    assert "another plan (epochs is 1 there and 2 here)" in differs(task, tmp_path, plan=plans.lora(rank=2, epochs=2, jitter=None))
    assert "another plan (frozen is nothing there and stem here)" in differs(task, tmp_path, plan=plans.lora(rank=2, frozen=("stem",), epochs=1, jitter=None))
    phases = (plans.Phase(1, 0.0), plans.Phase(1, 1e-3))
    assert "another plan (phases is a list of 1 there and a list of 2 here)" in differs(task, tmp_path, plan=lora.changed(phases=phases))


def test_a_checkpoint_that_does_not_know_a_setting_yet_is_gone_on_with(task, tmp_path):
    once = tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, progress=False, checkpoint=tmp_path)
    found = checkpoints.load(tmp_path)
    assert "another plan (epochs of phase 2 is 3 there and 4 here)" in differs(
        task, tmp_path, plan=PLAN.changed(phases=(PLAN.phases[0], dataclasses.replace(PLAN.phases[1], epochs=4))))
    del found.facts["run"]["loss"], found.facts["run"]["plan"]["method"], found.facts["run"]["preparation"]
    write_tensors(tmp_path / checkpoints.FILE, found.tensors, {"tlkit": json.dumps(found.facts)})
    assert apart(tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, progress=False, checkpoint=tmp_path).model, once.model) == 0


def test_a_damaged_checkpoint_is_named(task, tmp_path):
    tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, progress=False, checkpoint=tmp_path)
    path = tmp_path / checkpoints.FILE
    path.write_bytes(path.read_bytes()[:1000])
    assert "is no checkpoint that can be read" in differs(task, tmp_path)


def test_a_full_disk_is_an_error_that_leaves_the_last_checkpoint(task, tmp_path, monkeypatch):
    from safetensors import SafetensorError

    with pytest.raises(RuntimeError, match="crash"):
        tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, progress=False, checkpoint=tmp_path, callbacks=[StopAt(9)])
    before = (tmp_path / checkpoints.FILE).read_bytes()

    def full(tensors, path, metadata):
        path.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patched:
        patched.setattr("safetensors.torch.save_file", full)
        assert "the disk is full; what was there before is untouched" in differs(task, tmp_path)
    assert (tmp_path / checkpoints.FILE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [checkpoints.FILE]
    whole = tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, progress=False)
    resumed = tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, progress=False, checkpoint=tmp_path)
    assert apart(whole.model, resumed.model) == 0


@pytest.mark.skipif(not os.path.exists("/dev/full") or os.geteuid() != 0, reason="needs a file system that can be made full")
def test_a_file_system_that_is_really_full_leaves_the_last_checkpoint(task, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("no file system of a given size can be mounted here")
    try:
        with pytest.raises(RuntimeError, match="crash"):
            tlkit.finetune(model_for(task, "glyphnet"), task, PLAN.changed(phases=PLAN.phases[:1]), progress=False, checkpoint=small, callbacks=[StopAt(5)])
        before = (small / checkpoints.FILE).read_bytes()
        (small / "ballast").write_bytes(b"0" * (6 * 2**20 - len(before) - 2**15))
        with pytest.raises(TlkitError, match="the disk is full"):
            tlkit.finetune(model_for(task, "glyphnet"), task, PLAN.changed(phases=PLAN.phases[:1]), progress=False, checkpoint=small)
        assert (small / checkpoints.FILE).read_bytes() == before
    finally:
        subprocess.run(["umount", str(small)], check=True)


class Interrupt(Callback):
    def __init__(self, step):
        self.left = step

    def on_step(self, progress):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_keeps_what_is_there_and_says_how_to_go_on(task, tmp_path, capfd):
    before = signal.getsignal(signal.SIGINT)
    run = tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, progress=False, checkpoint=tmp_path, callbacks=[Interrupt(7)])
    assert run.interrupted and signal.getsignal(signal.SIGINT) is before
    said = capfd.readouterr().err
    assert "stopped at step 3 of epoch 2, phase 1" in said and f"checkpoint='{tmp_path}' to go on" in said
    assert run.accuracy("test") > 0.2
    whole = tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, progress=False)
    resumed = tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, progress=False, checkpoint=tmp_path)
    assert apart(whole.model, resumed.model) == 0 and not resumed.interrupted


def test_a_checkpoint_holds_tensors_and_json_alone(task, tmp_path):
    tlkit.finetune(model_for(task, "glyphnet"), task, PLAN, progress=False, checkpoint=tmp_path)
    content = (tmp_path / checkpoints.FILE).read_bytes()
    size = int.from_bytes(content[:8], "little")
    assert json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["tlkit"])["place"]["finished"] is True
