"""Activations kept at the freeze boundary: what is frozen is computed once, and every epoch costs only what trains.

Valid where nothing upstream can change, nothing upstream is random, and an example's activations do not depend on what
it is batched with. Each of these is checked before anything is kept; where one does not hold, the loop says which and
computes everything at every step.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from tlkit.backbones.state import State, channels_last, select
from tlkit.data.downloads import cache_folder
from tlkit.data.task import Split
from tlkit.examples import Examples, FreshExamples, KeptExamples, packed, unpacked
from tlkit.feature_key import feature_key
from tlkit.feature_store import DiskStore, MemoryStore, bytes_of, rows_of, trimmed
from tlkit.keeping import CAUSES, kept_behind
from tlkit.model import BATCH_NORMS, Model
from tlkit.plans import Plan

_TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 1e-1}
_GROUP = {"text": 64, "sound": 8}  # batches prepared at a time, so that those of like length can be put together


@dataclass(frozen=True)
class FeatureCache:
    """Where activations are kept.

    Args:
        memory_limit: bytes up to which they stay in memory; larger ones, and those that several processes share, go to
            files that are mapped into it.
        folder: for those files, which other runs with the same frozen stages and data find again, and which may be
            removed between runs; None is tlkit's own cache folder. Processes that share must all see it.
    """

    memory_limit: int = 2**30
    folder: Path | None = None

    def __post_init__(self):
        if self.folder is not None:
            object.__setattr__(self, "folder", Path(self.folder))


def open_examples(
    model: Model,
    split: Split,
    plan: Plan,
    cache: FeatureCache | None = FeatureCache(),
    seed: int = 0,
    process: int = 0,
    processes: int = 1,
    autocast: Callable = nullcontext,
    wait: Callable[[], None] = lambda: None,
) -> Examples:
    """The training examples as the loop fetches them: kept at the freeze boundary where that is valid.

    Args:
        model: with its frozen stages set, in training mode.
        cache: None keeps nothing.
        seed: of the K changed versions of each image, where the plan asks for them.
        process, processes: one store on disk is filled by all processes and read by all.
        autocast: the context that the loop trains in.
        wait: returns when every process has come to it.
    Returns:
        What to fetch batches from; its `note` says what is kept, or why nothing is.
    """
    fresh = FreshExamples(model, split, plan.jitter, plan.views, seed)
    if cache is None:
        return fresh.noted("nothing is kept, as asked")
    boundary, why = freeze_boundary(model, plan)
    if why == _IN_WORDS["jitter"]:
        return fresh.noted(f"nothing is kept: {why}")
    if not hasattr(split.inputs, "__getitem__") or not hasattr(split.inputs, "__len__"):
        return fresh.noted("nothing is kept: the data can only be read in turn, so an example has no number")
    if boundary is not None and (cause := _refusal(model, split, boundary, autocast)):
        boundary, why = None, cause
    computed = _Prefix(model, fresh, boundary, autocast)
    count, expected = fresh.count, computed.bytes_an_example() * fresh.count
    behind = f"activations behind {boundary}" if boundary else "prepared inputs"
    if expected <= cache.memory_limit and (processes == 1 or boundary is None):
        store = computed.fill(MemoryStore(count), range(count), plan.batch_size)
        note = f"{behind} are kept in memory ({_size(expected)})"
    elif boundary is None:
        return fresh.noted(f"nothing is kept: {why}")
    else:
        folder = cache.folder or cache_folder() / "features"
        key = feature_key(model, split, boundary, plan, seed, autocast)
        store = DiskStore(folder / key, count, process, processes)
        if cause := _no_room(folder, expected) if not store.is_complete() else "":
            return fresh.noted(f"nothing is kept: {cause}")
        wait()
        if not store.is_complete():
            computed.fill(store, range(process, count, processes), plan.batch_size)
        wait()
        store.open()
        note = f"{behind} are kept on disk ({_size(expected)} in {folder / key})"
    if boundary is None:
        note += f"; no activations: {why}"
    return KeptExamples(store, boundary, len(split), plan.views, note)


def freeze_boundary(model: Model, plan: Plan | None = None) -> tuple[str | None, str]:
    """The last stage up to which nothing can change, and why it goes no further; None where that is true of none.

    Args:
        plan: whose changes to the inputs are to be asked about as well.
    """
    facts = [_facts_of(model, name) for name in model.body]
    changes = (plan.jitter is not None, plan.views, plan.mixup) if plan is not None else (False, 0, 0.0)
    boundary, reason = kept_behind(facts, *changes)
    if reason in _IN_WORDS:
        return boundary, _IN_WORDS[reason]
    return boundary, facts[0 if boundary is None else model.body.index(boundary) + 1][reason]


_IN_WORDS = {
    "jitter": "images are changed at random at every epoch (views=K keeps K versions)",
    "mixup": "mixup mixes the images of a batch, so there is no activation of one image",
    "head": "the head trains",
}


def _facts_of(model: Model, name: str) -> dict[str, str]:
    """What `kept_behind` asks of a stage: a sentence where a cause is there, and an empty one where it is not."""
    stage, facts = model.stages[name], {"name": name, **dict.fromkeys(CAUSES, "")}
    for label, parameter in stage.named_parameters():
        if parameter.requires_grad and not facts["trains"]:
            others = [other for other, module in model.stages.items() if other != name
                      and any(parameter is theirs for theirs in module.parameters())]
            shared = f", which {others[0]} shares" if others else ""
            method = f", as the method {model.backbone.added.method.name} wants" if model.backbone.added is not None else ""
            facts["trains"] = f"stage {name} trains its {label}{shared}{method}"
    for label, module in stage.named_modules():
        what = f"{type(module).__name__} {label}".strip()
        if isinstance(module, BATCH_NORMS) and module.running_mean is None:
            facts["looks_at_batch"] = f"{what} of stage {name} has no running statistics, so it looks at the whole batch"
        if module.training and (any(True for _ in module.parameters(recurse=False)) or _keeps_or_draws(module)):
            facts["training_mode"] = facts["training_mode"] or f"{what} of stage {name} is in training mode"
    return facts


def _keeps_or_draws(module: nn.Module) -> bool:
    """Whether a module without parameters does something else in training mode, as dropout and spectral norm do."""
    return any(True for _ in module.buffers(recurse=False)) or "drop" in type(module).__name__.lower()


def _refusal(model: Model, split: Split, boundary: str, autocast: Callable) -> str:
    """Why activations must not be kept although every stage up to the boundary is frozen; empty where they may."""
    if model.loss.reads_inputs:
        return f"the loss {type(model.loss).__name__} looks at the inputs"
    if model.backbone.batch_dependence and not _same_length(model, split):
        return f"an example's activations depend on its batch: {model.backbone.batch_dependence}"
    return _probe(model, split, boundary, autocast)


def _same_length(model: Model, split: Split) -> bool:
    """Whether no example is padded, whatever it is batched with."""
    return len({int(model.backbone.prepare(split.inputs[[number]])["mask"].sum()) for number in range(len(split))}) == 1


@torch.no_grad()
def _probe(model: Model, split: Split, boundary: str, autocast: Callable) -> str:
    """Send a few examples through the frozen stages twice, alone and with others, and compare."""
    count = min(len(split), 8)
    indices = torch.linspace(0, len(split) - 1, count).long()
    state = model.backbone.prepare(split.inputs[indices])
    few = select(state, torch.arange(max(1, count // 2)))
    before = torch.random.get_rng_state()
    with autocast():
        alone = packed(model.backbone.run(few, to=boundary))
        together = packed(model.backbone.run(state, to=boundary))
    if not torch.equal(before, torch.random.get_rng_state()):
        return "something up to the boundary draws random numbers although every stage is in eval mode"
    for first, second in zip(rows_of(alone), rows_of(together), strict=False):
        for name, values in first.items():
            if not values.is_floating_point():
                continue
            apart = float((values - second[name]).abs().max())
            if apart > _TOLERANCE[values.dtype] * max(float(values.abs().max()), 1e-6):
                return ("an example's activations depend on what it is batched with: alone and with others they differ "
                        f"by {apart:.2g}")
    return ""


class _Prefix:
    """The frozen stages, as they are run once over everything."""

    def __init__(self, model: Model, source: FreshExamples, boundary: str | None, autocast: Callable):
        self.model, self.source, self.boundary, self.autocast = model, source, boundary, autocast

    def bytes_an_example(self) -> float:
        """Estimated on a few examples, before anything is kept."""
        count = min(self.source.count, 16)
        indices = torch.linspace(0, self.source.count - 1, count).long()
        return bytes_of(self._run(*self.source.version(indices)))

    @torch.no_grad()
    def _run(self, state: State, targets: Tensor) -> dict[str, Tensor]:
        if self.boundary is not None:
            with self.autocast():
                state = self.model.backbone.run(channels_last(state), to=self.boundary)
        return packed(state, targets, self.model.kind.targets_are)

    def fill(self, store, numbers: range, batch_size: int):
        """Compute examples and keep them; those of like length go together, since order is free."""
        everything = torch.tensor(list(numbers), dtype=torch.long)
        group = batch_size * _GROUP.get(self.model.backbone.modality, 1)
        try:
            for indices in everything.split(group):
                state, targets = self.source.version(indices)
                prepared = packed(state, targets, self.model.kind.targets_are)
                for part in _by_length(state).split(batch_size):
                    batch = trimmed(select(prepared, part.to(targets.device)))
                    store.put(indices[part], self._run(*unpacked(batch)))
            store.finish()
        except BaseException:
            if isinstance(store, DiskStore):
                store.discard()
            raise
        return store


def _by_length(state: State) -> Tensor:
    if isinstance(state, Tensor):
        return torch.arange(len(state))
    return state["mask"].sum(dim=1).cpu().argsort(stable=True)


def _no_room(folder: Path, expected: float) -> str:
    import shutil

    place = next((parent for parent in (folder, *folder.absolute().parents) if parent.exists()), Path("/"))
    free = shutil.disk_usage(place).free
    return f"{_size(expected)} would be needed in {folder}, where {_size(free)} are free" if expected > 0.9 * free else ""


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
