"""The sides of `benchmarks.finetune`: the same training by tlkit, by its peers, and by what no loop can beat.

Each takes a model whose stages are frozen, raw training data and the job, trains the model in place, and gives back
what else it has to say. Preparing the inputs (resizing, tokenising) is part of the training time on all sides; the
peers do it once, in advance.
"""

import importlib.util
import tempfile
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import tlkit
from benchmarks.finetune_setting import (
    BATCH_SIZE, WARMUP, WEIGHT_DECAY, Job, Prepared, SeededOrder, WithLoss, loader, optimizer_of, schedule_of,
)  # fmt: skip
from tlkit.data.task import Task
from tlkit.model import Model
from tlkit.plans import Phase, Plan


def train_tlkit(model: Model, task: Task, job: Job) -> dict:
    """`tlkit.finetune`, as anyone would call it."""
    frozen = () if job.scenario == "frozen_trunk" else tuple(job.frozen(model))
    phase = Phase(job.epochs, job.learning_rate, job.setting.head_learning_rate, frozen=frozen)
    plan = Plan(job.scenario, (phase,), batch_size=BATCH_SIZE, weight_decay=WEIGHT_DECAY, warmup=WARMUP)
    run = tlkit.finetune(model, task, plan, job.seed)
    return {"kept": run.kept}


def train_plain(model: Model, task: Task, job: Job) -> dict:
    """A loop in plain PyTorch."""
    data = Prepared(model, task.train)
    optimizer = optimizer_of(model, job)
    batches = loader(data, job.seed)
    schedule = schedule_of(optimizer, job.epochs * len(batches))
    model.train()
    for _ in range(job.epochs):
        for state, labels in batches:
            loss = F.cross_entropy(model.outputs(state), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return {}


def train_channels_last(model: Model, task: Task, job: Job) -> dict:
    """The plain loop with the convolutions' weights laid out channels last, as tlkit lays out its images."""
    return train_plain(model.to(memory_format=torch.channels_last), task, job)


def train_trainer(model: Model, task: Task, job: Job) -> dict:
    """The Trainer of transformers, with its usual log and bar, without checkpoints and reports to services."""
    from transformers import Trainer, TrainingArguments

    class Wrapped(WithLoss):
        def forward(self, labels, images=None, tokens=None, mask=None):
            state = images if images is not None else {"tokens": tokens, "mask": mask}
            return {"loss": super().forward(state, labels)}

    class InOrder(Trainer):
        def _get_train_sampler(self, *arguments):
            return SeededOrder(len(data), job.seed)

    def collate(indices):
        state, labels = data.batch(indices)
        return {**(state if isinstance(state, dict) else {"images": state}), "labels": labels}

    data = Prepared(model, task.train)
    optimizer = optimizer_of(model, job)
    steps = job.epochs * -(-len(data) // BATCH_SIZE)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, num_train_epochs=job.epochs, per_device_train_batch_size=BATCH_SIZE, max_grad_norm=0.0, use_cpu=True,
            save_strategy="no", report_to="none", remove_unused_columns=False, dataloader_pin_memory=False, seed=job.seed,
        )  # fmt: skip
        InOrder(
            Wrapped(model), arguments, data_collator=collate, train_dataset=data,
            optimizers=(optimizer, schedule_of(optimizer, steps)),
        ).train()  # fmt: skip
    return {}


def train_lightning(model: Model, task: Task, job: Job) -> dict:
    """Lightning's Trainer, with its usual bar, without checkpoints and logs in files."""
    from lightning.pytorch import LightningModule, Trainer

    class Wrapped(LightningModule):
        def __init__(self):
            super().__init__()
            self.trained = WithLoss(model)

        def training_step(self, batch, index):
            return self.trained(*batch)

        def configure_optimizers(self):
            optimizer = optimizer_of(model, job)
            schedule = schedule_of(optimizer, job.epochs * len(batches))
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    data = Prepared(model, task.train)
    batches = loader(data, job.seed)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            max_epochs=job.epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_model_summary=False,
            default_root_dir=folder,
        )  # fmt: skip
        trainer.fit(Wrapped().train(), batches)
    return {}


def train_fastai(model: Model, task: Task, job: Job) -> dict:
    """fastai's Learner, with its usual recorder and bar, and this comparison's optimiser and schedule in place of its own."""
    from fastai.callback.core import Callback, CancelValidException
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import OptimWrapper

    class Schedule(Callback):
        def before_batch(self):
            for group, factor_of in zip(optimizer.param_groups, schedule.lr_lambdas, strict=True):
                group["lr"] = group["initial_lr"] * factor_of(self.train_iter)

        def before_validate(self):
            raise CancelValidException

    class Outputs(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, state):
            return self.model.outputs(state)

    data = Prepared(model, task.train)
    batches = loader(data, job.seed)
    optimizer = optimizer_of(model, job)
    schedule = schedule_of(optimizer, job.epochs * len(batches))
    with tempfile.TemporaryDirectory() as folder:
        learner = Learner(DataLoaders(batches, batches), Outputs(), loss_func=F.cross_entropy, cbs=Schedule(), path=folder)
        learner.opt = OptimWrapper(opt=optimizer)
        learner.fit(job.epochs)
    return {}


def train_limit(model: Model, task: Task, job: Job) -> dict:
    """What keeping the frozen stages' activations can save at most, without a loop's overhead.

    Frozen trunk: one pass over the data in its own order, and the head trained on what it gave. Bottom half frozen: one
    pass through the frozen half, and for each epoch the time that forward, backward and step of the other half take
    when what they need is at hand; measured over one epoch, so that the model is not trained to the end.
    """
    data = Prepared(model, task.train)
    boundary = job.frozen(model)[-1]
    if job.scenario == "frozen_trunk":
        parts = torch.arange(len(data)).split(BATCH_SIZE)
        with torch.no_grad():
            features = torch.cat([model.backbone.run(data.batch(part)[0], to=boundary) for part in parts])
        _train_head(model.train(), features, data, job)
        return {}
    optimizer = optimizer_of(model.train(), job)
    once, each = np.zeros(2), np.zeros(2)                                     # wall clock and processor
    for state, labels in loader(data, job.seed):
        started = _clocks()
        with torch.no_grad():
            state = model.backbone.run(state, to=boundary)
        between = _clocks()
        loss = F.cross_entropy(model.outputs(state, after=boundary), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        once, each = once + between - started, each + _clocks() - between
    seconds, cpu_seconds = (once + job.epochs * each).tolist()
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "accuracy": None}


def _clocks() -> np.ndarray:
    return np.array([time.perf_counter(), time.process_time()])


def _train_head(model: Model, features: torch.Tensor, data: Prepared, job: Job) -> None:
    optimizer = optimizer_of(model, job)
    order = SeededOrder(len(data), job.seed)
    schedule = schedule_of(optimizer, job.epochs * -(-len(data) // BATCH_SIZE))
    for _ in range(job.epochs):
        for part in torch.tensor(list(order)).split(BATCH_SIZE):
            loss = F.cross_entropy(model.head(features[part]), data.labels[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


SIDES: dict[str, Callable[[Model, Task, Job], dict]] = {
    "tlkit": train_tlkit,
    "plain": train_plain,
    "channels_last": train_channels_last,
    "trainer": train_trainer,
    "lightning": train_lightning,
    "fastai": train_fastai,
    "limit": train_limit,
}


def missing(side: str) -> str:
    """The library that a side needs and that is not installed; empty where nothing is missing."""
    return side if side in ("lightning", "fastai") and importlib.util.find_spec(side) is None else ""
