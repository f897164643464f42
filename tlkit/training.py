"""The one loop: `finetune(model, task, plan, seed)`.

Axes: N examples, B batch.
"""

import math
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from tlkit import plans, resuming
from tlkit.adaptation import draw_fresh_weights, refuse_bad_labels, start_from_prototypes
from tlkit.callbacks import Callback, ProgressBar
from tlkit.data.task import Task
from tlkit.devices import accelerator_for, clear_errors, peak_memory
from tlkit.early_stopping import EarlyStopping
from tlkit.errors import TlkitError
from tlkit.examples import KeptExamples
from tlkit.feature_cache import FeatureCache, open_examples
from tlkit.files import refuse_unwritable
from tlkit.fitting import refuse_misfits
from tlkit.freezing import freeze, parameter_groups, stages_frozen_by, stages_named
from tlkit.model import Model
from tlkit.peft.placing import place, remove
from tlkit.prediction import collect, lower_is_better, usual_metric
from tlkit.pull import pull_to_start
from tlkit.run import Run
from tlkit.schedules import rate_factor
from tlkit.steps import Step, batches, refuse_what_is_not_finite
from tlkit.windows import in_windows


def finetune(
    model: Model,
    task: Task,
    plan: plans.Plan | None = None,
    seed: int = 0,
    *,
    cache: FeatureCache | bool = True,
    checkpoint: str | Path | None = None,
    checkpoint_every: int | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
    precision: str = "no",
    device: str | None = None,
) -> Run:
    """Train `model`, in place, on the task's training split, as `plan` says.

    Args:
        model: from `adapt`; the run's model is this one, changed.
        task: its train split is learned from; its val split is looked at only if the plan stops early.
        plan: `plans.lp_ft()` where none is given.
        seed: of the order of the examples, of random changes to them, of dropout, and of fresh weights; the global
            random state is left as it was. The same seed on the same machine gives the same weights.
        cache: whether activations of frozen stages are kept, and where (`tlkit.feature_cache`).
        checkpoint: a folder; a run that was cut short goes on from there when it is started again in the same way.
        checkpoint_every: steps between checkpoints; None writes one after each epoch.
        callbacks: told what happens (`tlkit.callbacks`).
        progress: whether a bar is shown where training takes more than a moment.
        precision: "no" computes in the weights' own precision; "bf16" and "fp16" mix.
        device: "cpu" or None, which takes a GPU if there is one. Several processes are started by `accelerate launch`.
    Returns:
        A `Run`; the model is in eval mode.
    Raises:
        TlkitError: a model for another task, images of a size that the body does not read, labels out of range, a stage
            that does not exist, a batch of one with BatchNorm, a loss that is not finite, too little memory, a checkpoint
            of another run, or a folder for it that cannot be written to.
    """
    plan = plans.lp_ft() if plan is None else plan
    refuse_misfits(model, task, plan)
    if not isinstance(cache, FeatureCache | bool | None):
        raise TlkitError(f"cache={cache!r} must be True, False or a FeatureCache, such as FeatureCache(folder={str(cache)!r})")
    if task.modality != "image":
        plan = plan.changed(jitter=None, views=0)
    refuse_bad_labels(task)
    task = replace(task, **{name: in_windows(task.splits[name], model.backbone.preprocessing) for name in ("train", "val")})
    loop = _Loop(model, task, plan, seed, cache, checkpoint, checkpoint_every, callbacks, progress, precision, device)
    cuda = [torch.cuda.current_device()] if loop.accelerator.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda), clear_errors(plan.batch_size):
        torch.manual_seed(seed + loop.accelerator.process_index)
        return loop.run()


class _Loop:
    """One run of `finetune`: what it needs, and where it stands."""

    def __init__(self, model, task, plan, seed, cache, checkpoint, checkpoint_every, callbacks, progress, precision, device):
        self.model, self.task, self.plan, self.seed = model, task, plan, seed
        self.precision, self.device = precision, device
        self.accelerator = accelerator_for(precision, device)
        model.to(self.accelerator.device)
        self.cache = FeatureCache() if cache is True else cache or None
        self.folder = Path(checkpoint) if checkpoint is not None else None
        self.checkpoint_every = checkpoint_every
        is_main = self.accelerator.is_main_process
        self.callbacks = [*callbacks, *([ProgressBar()] if progress and is_main else [])]
        self.metric = plan.metric or usual_metric(task.kind, task.classes)
        self.generator = torch.Generator().manual_seed(seed)
        self.result = Run(model, task, plan, seed)
        self.place = resuming.Place()
        self.stopping = EarlyStopping(plan.patience, lower_is_better(self.metric))
        self.optimizer = self.restored = None
        self.stop = False

    def run(self) -> Run:
        """Carry out the plan's phases, from where the checkpoint stands if there is one."""
        plan, model, result = self.plan, self.model, self.result
        for phase in plan.phases:  # before anything is changed
            stages_named(model, phase.frozen)
            stages_named(model, [name for name, _ in phase.rates])
        if plan.patience is not None and len(self.task.val) == 0:
            raise TlkitError(f"the val split of {self.task.name} is empty, so no epoch can be called the best; patience=None "
                             "trains to the end")
        if self.task.modality == "image" and hasattr(self.task.train.inputs, "__getitem__"):
            model.backbone.preprocessing(self.task.train.inputs[:1])  # refuses a size that the body does not read
        if self.folder is not None and self.accelerator.is_main_process:
            refuse_unwritable(self.folder, "checkpoint")
        self._place_method()
        model.dropout.p = plan.dropout
        model.statistics_move = plan.batchnorm == "adapted"
        if plan.fresh_weights:
            draw_fresh_weights(model, self.seed)
        if plan.head_start == "prototypes":
            start_from_prototypes(model, self.task.train)
        result.start = {name: values.clone() for name, values in resuming.changing(model, plan).items()}
        started = time.perf_counter()
        if self.folder is not None:
            self.description = resuming.describe(self)  # once: what it hashes does not change while the run lasts
            self.restored = resuming.restore(self)
        steps = sum(phase.epochs for phase in plan.phases[self.place.phase :]) * self._steps_an_epoch()
        self._tell("on_start", plan.epochs, steps)
        try:
            with self._interruptible():
                for number in range(self.place.phase, len(plan.phases)):
                    if not self.stop and not self.place.finished:
                        self._phase(number)
        finally:
            self._tell("on_end")
            resuming.put_in(model, self.stopping.weights)
            model.eval()
            result.seconds += time.perf_counter() - started
            result.peak_memory = max(result.peak_memory, peak_memory(self.accelerator.device))
        if not self.stop:
            self.place.finished = True
            self._save()
        elif result.interrupted and self.accelerator.is_main_process:
            again = f"start it again with checkpoint={str(self.folder)!r} to go on" if self.folder else (
                "with checkpoint=FOLDER it could be gone on with")
            print(f"stopped at step {self.place.step} of epoch {self.place.epoch + 1}, phase {self.place.phase + 1}; "
                  f"the model holds what it has learned so far; {again}", file=sys.stderr)
        return result

    def _place_method(self) -> None:
        """Put the plan's method into the body, or see that the one that is there is the plan's."""
        body, method = self.model.backbone, self.plan.method
        is_new = body.added is None and method is not None
        if is_new:
            place(body, method, self.seed)
        try:
            if body.added is not None and any(not phase.freezes_body for phase in self.plan.phases):
                self._refuse_what_cannot_learn(body.added)
        except TlkitError:
            if is_new:
                remove(body)
            raise

    def _refuse_what_cannot_learn(self, added) -> None:
        body, method = self.model.backbone, self.plan.method
        if added.method != method:
            raise TlkitError(f"{body.name} carries a method ({added.method}) that is not the plan's ({method or 'none'}); "
                             "`tlkit.peft.merge` and `remove` make it a plain body that keeps what was learned, `remove` alone one without")
        if added.merged:
            raise TlkitError(f"{method.name} is merged into {body.name}, so it cannot learn; `tlkit.peft.unmerge` it first")
        if all(set(added.stages()) <= set(stages_frozen_by(self.model, phase)) for phase in self.plan.phases):
            raise TlkitError(f"every phase freezes {', '.join(added.stages())}, and that is all that {method.name} put something into")
        of_head = {id(parameter) for parameter in self.model.head.parameters()}
        for name, around in added.arounds.items():
            if any(id(parameter) in of_head for parameter in around.base.parameters(recurse=False)):
                raise TlkitError(f"the head has its weights from {name}, and would not see what {method.name} adds there; "
                                 f"leave {name} out of the targets")

    def _steps_an_epoch(self) -> int:
        return math.ceil(len(self.task.train) / self.plan.batch_size)

    def _phase(self, number: int) -> None:
        model, plan, phase, place = self.model, self.plan, self.plan.phases[number], self.place
        if place.phase != number:
            self.place = place = resuming.Place(phase=number)
            self.stopping.stale = 0
        self.accelerator = accelerator_for(self.precision, self.device)  # a new one, which holds no earlier phase's optimiser
        freeze(model, stages_frozen_by(model, phase))
        groups = parameter_groups(model, phase.learning_rate, phase.head_learning_rate, phase.depth_decay,
                                  plan.weight_decay, dict(phase.rates))
        self.full_rates = [group["lr"] for group in groups]
        model.train()
        with torch.random.fork_rng(devices=[]):  # computing what is kept must not move the random numbers of training
            opened = dict(cache=self.cache, process=self.accelerator.process_index, processes=self.accelerator.num_processes,
                          autocast=self.accelerator.autocast, wait=self.accelerator.wait_for_everyone)
            kept = open_examples(model, self.task.train, plan, seed=self.seed, **opened)
            train = model.loss.accompanied(kept, self.task.train, plan, seed=self.seed, **opened)
            still = plan.changed(jitter=None, views=0, mixup=0.0)
            val = open_examples(model, self.task.val, still, **opened) if plan.patience is not None else None
        self.result.kept.append({"after": train.after, "kept": isinstance(kept, KeptExamples), "note": train.note})
        optimizer = _optimizer(plan.optimizer, groups, self.accelerator.device)
        step, self.optimizer = self.accelerator.prepare(Step(model), optimizer)
        if self.restored is not None:
            resuming.restore_optimizer(self)
        for epoch in range(place.epoch, phase.epochs):
            place.epoch = epoch
            record = self._epoch(step, train, phase)
            if self.stop:
                return
            if plan.patience is not None:
                record[f"val_{self.metric.replace(' ', '_')}"] = self._watch(val)
            self.result.records.append(record)
            place.epoch, place.step, place.order = epoch + 1, 0, None
            self._tell("on_epoch", record)
            if self.stopping.is_over:
                place.epoch = phase.epochs
            if self.checkpoint_every is None:
                self._save()
            if self.stopping.is_over or self.stop:
                break

    def _epoch(self, step: nn.Module, train, phase: plans.Phase) -> dict:
        model, plan, place = self.model, self.plan, self.place
        model.train()
        started, seen = time.perf_counter(), 0
        if place.order is None:
            place.order = torch.randperm(len(self.task.train), generator=self.generator)
            place.total = place.weight = 0.0
        parts = batches(place.order, plan.batch_size, model)
        steps = phase.epochs * self._steps_an_epoch()
        for number, batch in enumerate(parts):
            if number < place.step:
                continue
            factor = rate_factor(plan.schedule, self._steps_done(), steps, plan.warmup)
            for group, rate in zip(self.optimizer.param_groups, self.full_rates, strict=True):
                group["lr"] = rate * factor
            draws = plan.jitter.draw(len(batch), self.generator) if plan.jitter and not plan.views else None
            total, weight = self._step(step, train, batch, draws)
            place.total, place.weight, place.step = place.total + total, place.weight + weight, number + 1
            seen += len(batch)
            at = {"phase": place.phase, "epoch": place.epoch, "step": place.step, "steps": len(parts),
                  "loss": place.total / max(place.weight, 1e-12)}
            self._tell("on_step", at)
            if self.stop or (self.checkpoint_every and self._steps_done() % self.checkpoint_every == 0):
                self._save()
            if self.stop:
                break
        seconds = time.perf_counter() - started
        return {"phase": place.phase, "epoch": place.epoch, "loss": place.total / max(place.weight, 1e-12),
                "learning_rate": self.optimizer.param_groups[-1]["lr"], "seconds": seconds,
                "examples_per_second": seen / max(seconds, 1e-9)}

    def _steps_done(self) -> int:
        """Of this phase."""
        return self.place.epoch * self._steps_an_epoch() + self.place.step

    def _step(self, step: nn.Module, train, batch: Tensor, draws: Tensor | None) -> tuple[float, float]:
        """One step of the optimiser; the sum of the losses of the whole batch, and its weight."""
        accelerator, plan, model = self.accelerator, self.plan, self.model
        mine = batch.tensor_split(accelerator.num_processes)[accelerator.process_index]
        draws = None if draws is None else draws.tensor_split(accelerator.num_processes, dim=1)[accelerator.process_index]
        is_idle = len(mine) == 0  # the last batch may be too small for all; an idle process still takes part
        parts = (batch[:1] if is_idle else mine).tensor_split(min(plan.accumulate, max(1, len(mine))))
        fetched, done = [], 0
        for part in parts:
            mine_of_draws = None if draws is None or is_idle else draws[:, done : done + len(part)]
            fetched.append(train.fetch(part, mine_of_draws, self.place.epoch))
            done += len(part)
        weight = sum(model.loss.weight(targets) for _, targets in fetched).double() * (not is_idle)
        weight = accelerator.reduce(weight) if accelerator.num_processes > 1 else weight
        if weight == 0:
            return 0.0, 0.0
        self.optimizer.zero_grad(set_to_none=True)
        sums = torch.zeros((), dtype=torch.float64, device=accelerator.device)
        for index, (state, targets) in enumerate(fetched):
            with accelerator.no_sync(step) if index < len(fetched) - 1 else nullcontext():
                total = step(state, targets, train.after, plan.mixup, self.generator)
                loss = total * (accelerator.num_processes / weight).to(total.dtype) * (not is_idle)
                if plan.l2_sp and index == 0:
                    loss = loss + self._pull()
                accelerator.backward(loss)
                sums += total.detach() * (not is_idle)
        if accelerator.num_processes > 1:
            sums = accelerator.reduce(sums)
        norm = accelerator.clip_grad_norm_(model.parameters(), plan.clip_norm) if plan.clip_norm else None
        refuse_what_is_not_finite(model, sums, norm, self.place, accelerator.scaler is not None)
        self.optimizer.step()
        return float(sums), float(weight)

    def _pull(self) -> Tensor:
        of_body = {name: value for name, value in self.result.start.items() if name.startswith("backbone.")}
        return pull_to_start(self.model, of_body, self.plan.l2_sp)

    def _watch(self, val) -> float:
        """The watched metric on the validation split; the weights are kept where it is the best so far."""
        reached = collect(self.model, self.task.val, val).metric(self.metric)
        self.model.train()
        self.stopping.note(reached, resuming.changing(self.model, self.plan))
        return reached

    def _save(self) -> None:
        if self.folder is not None:
            self.accelerator.wait_for_everyone()
            resuming.save(self)

    def _tell(self, what: str, *arguments) -> None:
        for callback in self.callbacks:
            if getattr(callback, what)(*arguments):
                self.stop = True

    @contextmanager
    def _interruptible(self):
        """An interrupt lets the step that is under way end; a second one stops at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(number, frame):
            if self.stop:
                raise KeyboardInterrupt
            self.stop = self.result.interrupted = True

        before = signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def _optimizer(name: str, groups: list[dict], device: torch.device) -> torch.optim.Optimizer:
    if name == "sgd":
        return torch.optim.SGD(groups, momentum=0.9)
    return torch.optim.AdamW(groups, fused=device.type in ("cpu", "cuda"))
