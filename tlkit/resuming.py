"""A run's way into a checkpoint and back: it ends in the same weights as a run that was never cut short."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from tlkit import checkpoints
from tlkit.checkpoints import Checkpoint, optimizer_tensors, put_back
from tlkit.errors import TlkitError
from tlkit.feature_key import content_hash, weights_hash
from tlkit.freezing import stages_frozen_by
from tlkit.model import Model
from tlkit.plans import Plan


@dataclass
class Place:
    """Where a run stands.

    Args:
        phase, epoch, step: done so far; step counts within the epoch.
        order: of the examples in the epoch that is under way; None between two.
        total, weight: of the losses of that epoch so far.
        finished: whether the plan was carried out.
    """

    phase: int = 0
    epoch: int = 0
    step: int = 0
    order: Tensor | None = None
    total: float = 0.0
    weight: float = 0.0
    finished: bool = False


def changing(model: Model, plan: Plan) -> dict[str, Tensor]:
    """The model's parameters and buffers that some phase of the plan may change, by name; not copies."""
    never = set.intersection(*(set(stages_frozen_by(model, phase)) for phase in plan.phases))
    still = () if plan.fresh_weights else tuple("head." if name == "head" else f"backbone.stages.{name}." for name in never)
    moving = {name: values for name, values in model.state_dict().items() if not name.startswith(still)}
    if model.backbone.added is None:
        return moving
    learns = {f"backbone.{name}" for name in model.backbone.added.trained_names()}
    return {name: values for name, values in moving.items() if name in learns or not name.startswith("backbone.")}


@torch.no_grad()
def put_in(model: Model, values: dict[str, Tensor]) -> None:
    """Write values into the model's parameters and buffers of these names."""
    state = model.state_dict()
    for name, value in values.items():
        state[name].copy_(value)


def save(loop) -> None:
    """Write a checkpoint of a loop; the main process does."""
    if not loop.accelerator.is_main_process:
        return
    place, run = loop.place, loop.result
    cuda = loop.accelerator.device.type == "cuda"
    random = {"torch": torch.random.get_rng_state(), "order": loop.generator.get_state()}
    random |= {"cuda": torch.cuda.get_rng_state()} if cuda else {}
    parts = {
        "now": changing(loop.model, loop.plan),
        "best": loop.stopping.weights,
        "start": run.start,
        "optimizer": optimizer_tensors(loop.optimizer) if not place.finished and loop.optimizer is not None else {},
        "random": random,
        "place": {"order": place.order} if place.order is not None else {},
    }
    facts = {
        "run": loop.description,
        "place": {name: value for name, value in asdict(place).items() if name != "order"},
        "stopping": {"best": loop.stopping.best, "stale": loop.stopping.stale},
        "scaler": loop.accelerator.scaler.state_dict() if loop.accelerator.scaler is not None else None,
        "records": run.records,
        "kept": run.kept,
        "seconds": run.seconds,
        "peak_memory": run.peak_memory,
    }
    checkpoints.save(Path(loop.folder), parts, facts)


def restore(loop) -> Checkpoint | None:
    """Bring a loop to where its checkpoint stands; None where there is none.

    Raises:
        TlkitError: the checkpoint is of another model, data, plan or seed; it says which.
    """
    if loop.accelerator.is_main_process:
        checkpoints.tidy(Path(loop.folder))
    found = checkpoints.load(Path(loop.folder))
    if found is None:
        return None
    _refuse_others(loop, found.facts["run"])
    put_in(loop.model, found.part("now"))
    device = loop.accelerator.device
    loop.stopping.weights = {name: values.to(device) for name, values in found.part("best").items()}
    loop.stopping.best, loop.stopping.stale = found.facts["stopping"]["best"], found.facts["stopping"]["stale"]
    loop.result.start = {name: values.to(device) for name, values in found.part("start").items()}
    loop.place = Place(**found.facts["place"], order=found.part("place").get("order"))
    loop.result.records, loop.result.kept = found.facts["records"], found.facts["kept"]
    loop.result.seconds, loop.result.peak_memory = found.facts["seconds"], found.facts["peak_memory"]
    return found


def restore_optimizer(loop) -> None:
    """Bring optimiser, random states and gradient scaler to where the checkpoint stands; once."""
    found, loop.restored = loop.restored, None
    moments, random = found.part("optimizer"), found.part("random")
    if moments and (loop.place.epoch or loop.place.step):
        put_back(loop.optimizer, moments)
    if loop.accelerator.scaler is not None and found.facts["scaler"]:
        loop.accelerator.scaler.load_state_dict(found.facts["scaler"])
    loop.generator.set_state(random["order"])
    torch.random.set_rng_state(random["torch"])
    if "cuda" in random and loop.accelerator.device.type == "cuda":
        torch.cuda.set_rng_state(random["cuda"])


def describe(loop) -> dict:
    """What must be the same for a checkpoint to be gone on with."""
    model, task = loop.model, loop.task
    moving = set(changing(model, loop.plan))
    layout = [(name, tuple(values.shape), str(values.dtype)) for name, values in model.state_dict().items()]
    frozen = ((name, values) for name, values in model.state_dict().items() if name not in moving)
    return {
        "model": [model.backbone.name, hashlib.sha256(json.dumps(layout).encode()).hexdigest(), weights_hash(frozen)],
        "data": [task.name, len(task.train), content_hash(task.train.labels, 10_000), content_hash(task.train.inputs, 256)],
        "plan": json.loads(loop.plan.to_json()),
        "preparation": [model.backbone.preprocessing.describe(), model.backbone.pooling],
        "loss": json.loads(json.dumps(model.loss.facts())),
        "seed": loop.seed,
    }


def _refuse_others(loop, there: dict) -> None:
    here = loop.description
    place = Path(loop.folder) / checkpoints.FILE
    of_other_name = [what for what in ("model", "data") if there.get(what, here[what])[0] != here[what][0]]
    for what in (*of_other_name, "plan", "preparation", "model", "data", "loss", "seed"):  # what says most comes first
        if there.get(what, here[what]) == here[what]:
            continue
        if what in ("plan", "loss"):
            detail = _difference(there[what], here[what])
            if not detail:  # a setting that was not there yet, and is not used
                continue
            if detail.startswith("teacher "):
                what, detail = "teacher", "its weights are others"
        elif what == "seed":
            detail = f"{there[what]} there and {here[what]} here"
        elif what == "preparation":
            pairs = zip(there[what], here[what], strict=True)
            detail = "; ".join(f"{_only_of(before, now)} there and {_only_of(now, before)} here" for before, now in pairs if before != now)
        elif there[what][0] != here[what][0]:
            detail = f"{there[what][0]} there and {here[what][0]} here"
        else:
            detail = "of the same name, but with other weights or layers" if what == "model" else "of the same name, but with other examples"
        raise TlkitError(f"{place} is of a run with another {what} ({detail}); go on with the same, or name another folder")


def _difference(there: dict, here: dict, of: str = "") -> str:
    """The first setting that is not the same, in words; empty where all are. A name that differs is the difference itself."""
    for name in {**here, **there}:
        before, now = there.get(name), here.get(name)
        if before == now:
            continue
        if name == "name":
            return f"{before} there and {now} here"
        if isinstance(before, dict) and isinstance(now, dict) and before.get("name") == now.get("name"):
            within = [_difference(before, now)]
        elif name == "phases" and len(before) == len(now):
            within = [_difference(old, new, f" of phase {number}" if len(now) > 1 else "")
                      for number, (old, new) in enumerate(zip(before, now, strict=True), start=1)]
        else:
            return f"{name}{of} is {_said(before)} there and {_said(now)} here"
        if said := next(filter(None, within), ""):
            return said
    return ""


def _only_of(text: str, other: str) -> str:
    """The parts between commas that the other does not have."""
    return ", ".join(part for part in text.split(", ") if part not in other.split(", ")) or text or "none"


def _said(value) -> str:
    if isinstance(value, dict) and "name" in value:
        return str(value["name"])
    if not isinstance(value, list):
        return str(value)
    said = ", ".join(map(str, value)) or "nothing"
    return said if len(said) <= 60 else f"a list of {len(value)}"
