"""One file that holds all that a prediction needs: weights, head, label names, preprocessing, plan and versions.

It is safetensors with JSON in its header, so it can be read by others and runs no code; never pickle.
"""

import json
from pathlib import Path

import torch

from tlkit import heads
from tlkit.backbones.rebuilding import rebuild
from tlkit.errors import TlkitError
from tlkit.files import write_tensors
from tlkit.kinds import KINDS, NumberHead
from tlkit.model import Model
from tlkit.predictor import Predictor

FORMAT = 1
_LOSSES = {loss.__name__: loss for loss in
           (heads.CrossEntropy, heads.BinaryCrossEntropy, heads.SquaredError, heads.Huber, heads.CTC)}


def save(run, path: Path) -> Path:
    """Write a run's model to `path`, in one step.

    Raises:
        TlkitError: the body has no recipe to be built again by, or the disk is full.
    """
    model = run.model
    if model.backbone.recipe is None:
        raise TlkitError(f"{model.backbone.name} was not made by load_backbone, so it could not be built again from an artefact")
    facts = {
        "format": FORMAT,
        "versions": _versions(),
        "task": {"name": run.task.name, "kind": run.task.kind, "modality": run.task.modality, "source": run.task.source,
                 "licence": run.task.licence},
        "classes": list(model.classes),
        "body": {"name": model.backbone.name, "licence": model.backbone.licence, "recipe": dict(model.backbone.recipe)},
        "loss": _describe_loss(model.loss),
        "plan": json.loads(run.plan.to_json()),
        "seed": run.seed,
        "records": run.records,
        "seconds": run.seconds,
    }
    tied = model.tied
    tensors = {name: values for name, values in model.state_dict().items() if name not in tied}
    write_tensors(path, tensors, {"tlkit": json.dumps(facts), "format": "pt"})
    return path


def load(path: str | Path) -> Predictor:
    """The model of an artefact, or of a folder that `tlkit finetune` wrote, ready to predict and to be adapted again.

    Raises:
        TlkitError: no such file, none of ours, damaged, or of a newer format.
    """
    from safetensors import safe_open

    path = Path(path)
    path = path / "model.tl" if path.is_dir() else path
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
    return Predictor(_model(facts, tensors, path), facts)


def _model(facts: dict, tensors: dict, path: Path) -> Model:
    body = rebuild(facts["body"]["recipe"])
    body.name = facts["body"]["name"]
    kind = KINDS[facts["task"]["kind"]]
    blank = _Asked(tuple(facts["classes"]))
    head = NumberHead(body.feature_size, 0.0, 1.0) if kind.name == "regression" else kind.head(body, blank)
    model = Model(body, head, _loss(facts["loss"]), kind.name, facts["classes"])
    with torch.no_grad():
        dtype = next((values.dtype for values in tensors.values() if values.is_floating_point()), torch.float32)
        model.to(dtype)
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    missing = [name for name in missing if name not in model.tied and not name.startswith("loss.")]
    if missing or unexpected:
        odd = (missing or unexpected)[0]
        raise TlkitError(f"{path} does not fit its own description: {odd} is {'missing' if missing else 'not expected'}; "
                         f"it was written with {facts['versions']}")
    return model.eval()


class _Asked:
    """What a head needs to know of a task: its classes."""

    def __init__(self, classes: tuple[str, ...]):
        self.classes = classes


def _describe_loss(loss: heads.Loss) -> dict:
    settings = {name: getattr(loss, name) for name in ("label_smoothing", "unit") if hasattr(loss, name)}
    weights = getattr(loss, "class_weights", None)
    return {"name": type(loss).__name__, **settings, "class_weights": weights.tolist() if weights is not None else None}


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
