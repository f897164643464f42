"""One file that holds all that a prediction needs: weights, head, label names, preprocessing, plan and versions.

Where the body's own weights stayed, a small file can hold what changed alone; it is loaded onto the body, whose weights are
checked by their digest. It is safetensors with JSON in its header, so it can be read by others and runs no code; never pickle.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from torch import Tensor

from tlkit import checkpoints, heads
from tlkit.backbones.backbone import Backbone
from tlkit.backbones.rebuilding import origin, rebuild
from tlkit.errors import TlkitError
from tlkit.files import write_tensors
from tlkit.kinds import KINDS, NumberHead
from tlkit.model import Model
from tlkit.peft.methods import method_from
from tlkit.peft.placing import Added, body_digests, is_statistic, place, refuse_other_body
from tlkit.predictor import Predictor

FORMAT = 1
_BEFORE = "before."  # in front of the names of what a method changed of the body, with the values from before
_LOSSES = {loss.__name__: loss for loss in
           (heads.CrossEntropy, heads.BinaryCrossEntropy, heads.SquaredError, heads.Huber, heads.CTC)}


def save(run, path: Path, body: bool = True) -> Path:
    """Write a run's model to `path`, in one step.

    Args:
        body: False leaves out the body's own weights and keeps what a method of few parameters learned, the head and
            BatchNorm's statistics.
    Raises:
        TlkitError: the body is to be saved and has no recipe to be built again by, its own weights learned and are to be left
            out, a method is merged into it, or the disk is full.
    """
    model = run.model
    added = model.backbone.added
    if body and not model.backbone.recipe:
        raise TlkitError(f"{model.backbone.name} was not made by load_backbone, so it could not be built again from an artefact; where its own "
                         "weights stayed, save with body=False, and tlkit.load(path, body=...) puts the rest onto it")
    if added is not None and added.merged:
        raise TlkitError(f"{added.method.name} is merged into {model.backbone.name}; unmerge it to save it beside the body's weights, or "
                         "`tlkit.peft.remove` it to save a plain body that keeps what was learned")
    tied = model.tied
    tensors = {name: values for name, values in model.state_dict().items() if name not in tied and not name.startswith("loss.")}
    recipe = model.backbone.recipe and dict(model.backbone.recipe)
    if not body:
        tensors, recipe = _without_body(run, tensors), recipe and origin(recipe)
    elif added is not None and not added.cannot_be_removed:
        tensors |= {_BEFORE + name: values for name, values in added.other_values.items()}
    facts = {
        "format": FORMAT,
        "versions": _versions(),
        "task": {"name": run.task.name, "kind": run.task.kind, "modality": run.task.modality, "source": run.task.source,
                 "licence": run.task.licence},
        "classes": list(model.classes),
        "body": {"name": model.backbone.name, "licence": model.backbone.licence, "recipe": recipe,
                 "left_out": not body, "digests": body_digests(model.backbone) if added is not None or not body else None,
                 "method": added.method.to_dict() if added is not None else None},
        "loss": model.loss.plain.facts(),
        "plan": json.loads(run.plan.to_json()),
        "seed": run.seed,
        "records": run.records,
        "seconds": run.seconds,
    }
    write_tensors(path, tensors, {"tlkit": json.dumps(facts), "format": "pt"})
    return path


def _without_body(run, tensors: dict) -> dict:
    """What changed, the head, and BatchNorm's statistics."""
    from tlkit.resuming import changing

    if run.plan.method is not None and run.model.backbone.added is None:
        raise TlkitError(f"{run.plan.method.name} was taken out of {run.model.backbone.name}, so there is nothing of it to save by itself; save with "
                         "body=True, or save with body=False before `tlkit.peft.remove`")
    moved = changing(run.model, run.plan)
    own = {f"backbone.{name}" for name in run.model.backbone.added.trained_names()} if run.model.backbone.added is not None else set()
    if learned := [name for name in moved if name.startswith("backbone.") and name not in own]:
        name = learned[0].removeprefix("backbone.stages.")
        raise TlkitError(f"the plan {run.plan.name} changed the body's own weights ({name} among them), so they cannot be left out; "
                         "save with body=True")
    return without_body(tensors, own)


def without_body(state: Mapping[str, Tensor], trained: Collection[str]) -> dict[str, Tensor]:
    """Of a model's state, what is needed beside a published body: what was trained, what is not of the body, and BatchNorm's statistics.

    Args:
        state: tensors by name; those of the body begin with "backbone.".
        trained: names of what a method trained.
    """
    return {name: values for name, values in state.items() if name in trained or not name.startswith("backbone.") or is_statistic(name)}


def filled(state: Mapping[str, Tensor], small: Mapping[str, Tensor], needed: Collection[str]) -> dict[str, Tensor]:
    """A model's state with the tensors of a small artefact in their places; the state itself stays as it is.

    Args:
        state: all tensors of the model by name.
        small: some of them, with other values.
        needed: names that the artefact must hold.
    Raises:
        TlkitError: the artefact has a name that the model lacks, lacks one that is needed, or has another shape. (torch's
            `load_state_dict(strict=False)` passes over the first two, and may so load nothing.)
    """
    if unexpected := [name for name in small if name not in state]:
        raise TlkitError(f"{unexpected[0]} is not expected")
    if missing := [name for name in needed if name not in small]:
        raise TlkitError(f"{missing[0]} is missing")
    for name, values in small.items():
        if values.shape != state[name].shape:
            raise TlkitError(f"{name} has the shape {tuple(values.shape)}, and {tuple(state[name].shape)} is due")
    return {**state, **small}


def load(path: str | Path, body: Backbone | None = None) -> Predictor:
    """The model of an artefact, or of a folder that `tlkit finetune` wrote, ready to predict and to be adapted again.

    Args:
        body: for an artefact without the body's weights: what it is put onto, which becomes part of the model; None loads
            the body by its name.
    Raises:
        TlkitError: no such file, none of ours, damaged, or of a newer format; a body with other weights.
    """
    facts, tensors, path = read(path)
    if not isinstance(body, Backbone | None):
        right = f"`tlkit.load_backbone({body!r})` loads one" if isinstance(body, str) else "a model's is its `.backbone`"
        raise TlkitError(f"body must be a body, and a {type(body).__name__} was given; {right}")
    if body is not None and not facts["body"].get("left_out"):
        raise TlkitError(f"{path} holds its body itself, and another was given")
    return Predictor(_model(facts, tensors, path, body), facts)


def read(path: str | Path) -> tuple[dict, dict, Path]:
    """An artefact's facts, its tensors by name, and its file.

    Raises:
        TlkitError: no such file, none of ours, damaged, or of a newer format.
    """
    from safetensors import safe_open

    if not isinstance(path, (str, Path)):
        right = "; `run.save(path)` writes one, and `run.model` is the model itself" if hasattr(path, "save") else ""
        raise TlkitError(f"an artefact is loaded by its path, and a {type(path).__name__} was given{right}")
    path = Path(path)
    folder, path = path, path / "model.tl" if path.is_dir() else path
    if not path.is_file() and (folder / "checkpoint" / checkpoints.FILE).is_file():
        raise TlkitError(f"there is no artefact {path} yet: a run was cut short there, and {folder / 'checkpoint'} says how far it came; "
                         "start it again in the same way, and it goes on and writes one")
    if not path.is_file():
        raise TlkitError(f"there is no artefact {path}; `run.save(path)` or `tlkit finetune --out` writes one")
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["tlkit"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors has errors of its own
        what = "it is cut short or damaged" if "tlkit" not in str(error) else "it holds no word of tlkit's"
        raise TlkitError(f"{path} is no artefact that can be read: {what}") from error
    if facts.get("format") != FORMAT:
        raise TlkitError(f"{path} has format {facts.get('format')}, and this version of tlkit reads format {FORMAT}; "
                         f"it was written by tlkit {facts.get('versions', {}).get('tlkit')}")
    return facts, tensors, path


def _model(facts: dict, tensors: dict, path: Path, body: Backbone | None) -> Model:
    left_out = facts["body"].get("left_out", False)
    before = {name.removeprefix(_BEFORE): tensors.pop(name) for name in list(tensors) if name.startswith(_BEFORE)}
    if left_out:
        is_given = body is not None
        body = body if is_given else _published(facts, path)
        if body.added is not None:
            raise TlkitError(f"{body.name} carries a method already ({body.added.method}); `tlkit.peft.Shelf` keeps several on one body")
        try:
            refuse_other_body(body, facts["body"]["digests"], str(path))
        except TlkitError as error:
            way = "" if is_given else "; give the body that it was made for: tlkit.load(path, body=...)"
            raise TlkitError(f"{error}{way}") from error
    else:
        body = rebuild(facts["body"]["recipe"])
        body.name, body.recipe = facts["body"]["name"], facts["body"]["recipe"]
    if method := method_from(facts["body"].get("method")):
        place(body, method, digests=facts["body"]["digests"])
    kind = KINDS[facts["task"]["kind"]]
    blank = _Asked(tuple(facts["classes"]))
    head = NumberHead(body.feature_size, 0.0, 1.0) if kind.name == "regression" else kind.head(body, blank)
    model = Model(body, head, _loss(facts["loss"]), kind.name, facts["classes"])
    with torch.no_grad():
        dtype = next((values.dtype for values in tensors.values() if values.is_floating_point()), torch.float32)
        if left_out:
            weight = next(body.parameters())
            model.to(weight.device, weight.dtype)
            _note_statistics(model, tensors)
        else:
            model.to(dtype)
    state = model.state_dict()
    there = {f"backbone.{name}" for name in body.state_dict()} if left_out else set()
    own = {f"backbone.{name}" for name in body.added.trained_names()} if body.added is not None else set()
    needed = [name for name in state if name not in model.tied and not name.startswith("loss.") and name not in there - own]
    try:
        complete = filled(state, tensors, needed)
    except TlkitError as error:
        raise TlkitError(f"{path} does not fit its own description: {error}; it was written with {facts['versions']}") from error
    model.load_state_dict(complete)
    if body.added is not None and not left_out:
        _note_before(body.added, before, path)
    return model.eval()


def _published(facts: dict, path: Path) -> Backbone:
    from tlkit.backbones import load_backbone

    if not facts["body"]["recipe"]:
        raise TlkitError(f"{path} holds no body of its own, and {facts['body']['name']} was not made by load_backbone; give it: tlkit.load(path, body=...)")
    try:
        return load_backbone(**facts["body"]["recipe"])
    except TlkitError as error:
        raise TlkitError(f"{path} holds no body of its own, and {facts['body']['name']} could not be loaded ({error}); "
                         "give it: tlkit.load(path, body=...)") from error


def _note_before(added: Added, before: Mapping[str, Tensor], path: Path) -> None:
    """What the body's own parameters and statistics were without the method, so that it can be taken out."""
    here = added.body.stages.state_dict(keep_vars=True)
    for name, values in before.items():
        now = added.changed.get(name, here.get(name))
        if now is None or now.shape != values.shape:
            raise TlkitError(f"{path} does not fit its own description: it has {_BEFORE}{name}, and the body has nothing of this name and shape")
        added.keep(name, now)
        added.other_values[name] = values.to(now)
    if lacking := [name for name in added.released if name not in before]:
        added.cannot_be_removed = (f"{path} does not say what {lacking[0]} was before {added.method.name}, so the body cannot be had back from it; "
                                   "load the published body, or save the run again")


def _note_statistics(model: Model, tensors: dict) -> None:
    """Where the artefact's statistics are not the body's, those of the body come back when the method is taken out."""
    here = model.backbone.stages.state_dict(keep_vars=True)
    for name, values in tensors.items():
        label = name.removeprefix("backbone.stages.")
        if model.backbone.added is not None and is_statistic(name) and not torch.equal(here[label].cpu(), values.to(here[label].dtype)):
            model.backbone.added.keep(label, here[label])


class _Asked:
    """What a head needs to know of a task: its classes."""

    def __init__(self, classes: tuple[str, ...]):
        self.classes = classes


def _loss(facts: dict) -> heads.Loss:
    settings = {name: value for name, value in facts.items() if name not in ("name", "class_weights")}
    if facts["class_weights"] is not None:
        settings["class_weights"] = torch.tensor(facts["class_weights"], dtype=torch.float64)
    return _LOSSES[facts["name"]](**settings)


def _versions() -> dict[str, str]:
    import torchvision
    import transformers

    import tlkit

    return {"tlkit": tlkit.__version__, "torch": torch.__version__, "torchvision": torchvision.__version__,
            "transformers": transformers.__version__}
