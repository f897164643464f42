"""The one loop: `finetune(model, task, plan, seed)`.

Axes: N examples, B batch.
"""

import copy
import math
import time
from dataclasses import dataclass, field

import torch

from tlkit import plans
from tlkit.data.task import Split, Task
from tlkit.evaluation import accuracy, predict_logits
from tlkit.freezing import freeze, parameter_groups
from tlkit.adaptation import draw_fresh_weights, start_from_prototypes
from tlkit.model import Model
from tlkit.schedules import warmup_cosine


@dataclass
class Run:
    """What `finetune` gives back: the trained model, and how it came about."""

    model: Model
    task: Task
    plan: plans.Plan
    seed: int
    history: list[dict] = field(default_factory=list)
    seconds: float = 0.0

    def accuracy(self, split: Split | str = "test") -> float:
        """The share of a split that the model names rightly; a split of the task may be given by its name."""
        return accuracy(self.model, getattr(self.task, split) if isinstance(split, str) else split)

    def report(self) -> str:
        """What was trained, for how long, and how good it is on each split, as text."""
        splits = ", ".join(f"{name} {self.accuracy(name):.3f}" for name in ("train", "val", "test"))
        return (
            f"{self.plan.name} on {self.task.name} with {len(self.task.train)} training examples, seed {self.seed}\n"
            f"  {self.plan.epochs} epochs planned, {len(self.history)} run, {self.seconds:.1f} s\n"
            f"  accuracy: {splits}"
        )


def finetune(model: Model, task: Task, plan: plans.Plan | None = None, seed: int = 0) -> Run:
    """Train `model`, in place, on the task's training split, as `plan` says.

    Args:
        model: from `adapt`; the run's model is this one, changed.
        task: its train split is learned from; its val split is looked at only if the plan stops early.
        plan: `plans.lp_ft()` where none is given.
        seed: of the order of the examples, of random changes to them, and of fresh weights.
            The same seed on the same machine gives the same weights.
    Returns:
        A `Run`; the model is in eval mode.
    """
    plan = plan or plans.lp_ft()
    run = Run(model, task, plan, seed)
    started = time.perf_counter()
    generator = torch.Generator().manual_seed(seed)
    if plan.fresh_weights:
        draw_fresh_weights(model, seed)
    if plan.head_start == "prototypes":
        start_from_prototypes(model, task.train)
    best_accuracy, best_weights = -math.inf, None
    for number, phase in enumerate(plan.phases):
        epochs_without_gain = 0
        for record in _train_phase(model, task.train, plan, phase, generator):
            run.history.append({"phase": number, **record})
            if plan.patience is None:
                continue
            run.history[-1]["val_accuracy"] = reached = accuracy(model, task.val)
            if reached > best_accuracy:
                best_accuracy, best_weights, epochs_without_gain = reached, copy.deepcopy(model.state_dict()), 0
            else:
                epochs_without_gain += 1
            if epochs_without_gain >= plan.patience:
                break
    if best_weights is not None:
        model.load_state_dict(best_weights)
    model.eval()
    run.seconds = time.perf_counter() - started
    return run


def _train_phase(model: Model, split: Split, plan: plans.Plan, phase: plans.Phase, generator: torch.Generator):
    """Train for one phase and yield, after each epoch, what is worth recording."""
    body_is_frozen = phase.learning_rate == 0
    freeze(model, {*phase.frozen, *(model.backbone.stages if body_is_frozen else ())})
    optimizer = torch.optim.AdamW(
        parameter_groups(model, phase.learning_rate, phase.head_learning_rate, phase.depth_decay, plan.weight_decay)
    )
    steps = phase.epochs * math.ceil(len(split) / plan.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmup_cosine(step, steps, plan.warmup))
    inputs, forward = split.inputs, model
    if body_is_frozen and plan.jitter is None:
        inputs, forward = predict_logits(model.backbone, split.inputs), model.head
    for epoch in range(phase.epochs):
        model.train()
        total = 0.0
        for batch in torch.randperm(len(split), generator=generator).split(plan.batch_size):
            images = inputs[batch] if plan.jitter is None else plan.jitter(inputs[batch], generator)
            loss = model.loss(forward(images), split.labels[batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        yield {"epoch": epoch, "loss": total / len(split), "learning_rate": optimizer.param_groups[-1]["lr"]}
