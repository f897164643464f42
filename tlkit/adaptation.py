"""From a body to a model for a task: `adapt(backbone, task)` chooses head and loss.

Axes: N examples, F features, C classes.
"""

import warnings

import torch
from torch import Tensor, nn

from tlkit.backbones.backbone import Backbone
from tlkit.backbones.rebuilding import rebuild
from tlkit.backbones.state import concatenate
from tlkit.data.task import Split, Task
from tlkit.errors import TlkitError, TlkitWarning
from tlkit.fitting import refuse_no_task
from tlkit.heads import CrossEntropy, Huber, SquaredError, balanced_weights
from tlkit.kinds import KINDS, last_stage
from tlkit.model import Model


def adapt(
    backbone: Backbone | Model,
    task: Task,
    seed: int = 0,
    label_smoothing: float = 0.0,
    class_weights: str | None = None,
    robust: bool = False,
) -> Model:
    """Put a head for `task` on `backbone`, and choose the loss; `print(model.describe())` says which.

    Args:
        backbone: the body, which becomes part of the model (it is not copied); or a model that was trained before,
            such as `tlkit.load` gives: then its body is taken, and of its head the rows of classes of the same name.
        task: says kind and classes.
        seed: of the head's weights; the global random state is left as it was.
        label_smoothing: of cross-entropy, from 0 to below 1.
        class_weights: "balanced" counts each class by N / (C * its training examples); None counts examples alike.
        robust: for numbers, Huber's loss in place of squared error.
    Raises:
        TlkitError: the body reads another modality or cannot serve the kind of task; an option that the kind of task
            does not have; labels that are out of range.
    """
    refuse_no_task(task)
    _refuse_no_body(backbone)
    before = backbone if isinstance(backbone, Model) else None
    body = before.backbone if before is not None else backbone
    if task.kind not in KINDS:
        raise TlkitError(f"no head is known for a task of kind {task.kind!r}; known kinds: {', '.join(KINDS)}")
    if task.modality != body.modality:
        raise TlkitError(f"{task.name} is made of {task.modality} and {body.name} reads {body.modality}; "
                         "load a body for it: `tlkit.backbones.backbone_names()` lists them")
    kind = KINDS[task.kind]
    last_stage(kind, body)
    refuse_bad_labels(task)
    if task.modality == "text":
        _warn_of_unread_texts(body, task)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = kind.head(body, task)
    loss = _with_options(kind.loss(task), task, label_smoothing, class_weights, robust)
    model = Model(body, head, loss, task.kind, task.classes)
    weight = next(body.parameters())
    head.to(weight.device, weight.dtype)
    if before is not None:
        _carry_over(before, model)
    return model


def _refuse_no_body(given) -> None:
    if isinstance(given, Backbone | Model):
        return
    right = "take its `.model`" if isinstance(getattr(given, "model", None), Model) else (
        f"`tlkit.load_backbone({given!r})` loads one" if isinstance(given, str) else
        "a module of your own becomes one as the stages of a `tlkit.backbones.backbone.Backbone`")
    raise TlkitError(f"a head is put on a body, or on that of a trained model, and a {type(given).__name__} was given; {right}")


def _with_options(loss, task: Task, label_smoothing: float, class_weights: str | None, robust: bool):
    over_classes = isinstance(loss, CrossEntropy) and task.kind != "generation"
    if label_smoothing and not isinstance(loss, CrossEntropy):
        raise TlkitError(f"label_smoothing belongs to cross-entropy, and a task of kind {task.kind!r} has another loss")
    if not 0 <= label_smoothing < 1:
        raise TlkitError(f"label_smoothing={label_smoothing} must lie between 0 and below 1")
    if class_weights not in (None, "balanced"):
        raise TlkitError(f"class_weights={class_weights!r} must be 'balanced' or None")
    if class_weights and not over_classes:
        raise TlkitError(f"a task of kind {task.kind!r} has no classes to weigh")
    if robust and not isinstance(loss, SquaredError):
        raise TlkitError(f"robust belongs to regression, and this is a task of kind {task.kind!r}")
    if isinstance(loss, CrossEntropy):
        return CrossEntropy(label_smoothing, _balanced(task) if class_weights else None)
    return Huber(loss.unit) if robust else loss


def _balanced(task: Task) -> torch.Tensor:
    labels = task.train.labels if task.kind == "classification" else torch.cat(list(task.train.labels))
    return balanced_weights(labels, len(task.classes))


def refuse_bad_labels(task: Task) -> None:
    """Raise a TlkitError where a split is empty, or a label is none of the task's."""
    for name, split in task.splits.items():
        if len(split) == 0 and name == "train":
            raise TlkitError(f"the training split of {task.name} is empty, so there is nothing to learn from")
        if len(split) == 0 or task.kind in ("generation", "multi-label"):
            continue
        if task.kind == "regression":
            if not torch.isfinite(split.labels).all():
                row = int((~torch.isfinite(split.labels)).nonzero()[0])
                raise TlkitError(f"{task.name}: the target of {name} example {row} is {split.labels[row]:g}; targets must be finite")
            continue
        labels = split.labels if task.kind == "classification" else torch.cat([torch.as_tensor(row) for row in split.labels])
        if len(labels) and (labels.min() < 0 or labels.max() >= len(task.classes)):
            odd = int(labels.max() if labels.max() >= len(task.classes) else labels.min())
            raise TlkitError(f"{task.name}: label {odd} in {name} is out of range; its {len(task.classes)} classes are "
                             f"numbered 0 to {len(task.classes) - 1}"
                             + (", and a class that training does not have cannot be learned" if name != "train" else ""))


def _warn_of_unread_texts(body: Backbone, task: Task) -> None:
    """Say what the body's tokenizer makes of training texts, where that is worth knowing; of many texts 1,000 are looked at."""
    texts = task.train.inputs[torch.arange(0, len(task.train), max(1, len(task.train) // 1000))[:1000]]
    for sentence in body.preprocessing.unread(list(texts)):
        warnings.warn(f"{task.name}, training texts: {sentence}", TlkitWarning, stacklevel=3)


@torch.no_grad()
def _carry_over(before: Model, model: Model) -> None:
    """Keep, of the head of a model that was trained before, what stands for classes of the same name."""
    old, new = _rows(before), _rows(model)
    if before.kind is not model.kind or old is None or new is None or old.weight.shape[1] != new.weight.shape[1]:
        return
    shift = 1 if model.kind.name == "speech" else 0  # the blank stands first
    pairs = [(model.classes.index(name), before.classes.index(name)) for name in model.classes if name in before.classes]
    rows = [(row + shift, source + shift) for row, source in pairs] + ([(0, 0)] if shift else [])
    if model.kind.name == "regression":
        model.head.load_state_dict(before.head.state_dict())
        model.loss = before.loss
    for row, source in rows:
        new.weight[row] = old.weight[source]
        new.bias[row] = old.bias[source]


def _rows(model: Model) -> nn.Linear | None:
    layer = getattr(model.head, "linear", model.head)
    return layer if isinstance(layer, nn.Linear) and layer.bias is not None else None


def prototypes(features: Tensor, labels: Tensor, class_count: int) -> Tensor:
    """The unit vector along each class's mean feature: p_c = mean_c / ||mean_c|| (Snell et al. 2017, section 2.2).

    Args:
        features: (N, F)
        labels: int64, from 0 to C - 1. (N,)
        class_count: C.
    Returns:
        (C, F), row c for class c.
    Raises:
        TlkitError: a class has no example.
    """
    rows = []
    for number in range(class_count):
        of_class = features[labels == number]                                # (N_c, F)
        if len(of_class) == 0:
            raise TlkitError(f"class {number} has no example to make a prototype of")
        mean = of_class.mean(dim=0)
        rows.append(mean / mean.norm())
    return torch.stack(rows)


def start_from_prototypes(model: Model, split: Split, scale: float = 10.0) -> None:
    """Set a linear head so that each class's output is the cosine to the mean of its features (Snell et al. 2017).

    With p_c the unit vector along the mean feature of class c and m the mean length of a feature:
    output_c = scale * p_c . x / m.

    Raises:
        TlkitError: the task is not one of classification, or a class has no example.
    """
    if model.kind.name != "classification":
        raise TlkitError(f"prototypes start a head for classification, and this one is for {model.kind.name}")
    if empty := [name for name, count in split.class_counts.items() if count == 0]:
        raise TlkitError(f"class {empty[0]!r} has no training example to make a prototype of")
    with model.evaluating():
        features = concatenate([model.backbone(inputs) for inputs in split.inputs.split(512)])  # (N, F)
        length = features.norm(dim=1).mean()
        model.head.weight.copy_(scale * prototypes(features, split.labels.to(features.device), len(split.classes)) / length)
        model.head.bias.zero_()


def draw_fresh_weights(model: Model, seed: int) -> None:
    """Draw every weight of body and head anew; the global random state is left as it was.

    A published body is drawn as its authors draw it; one without a recipe, module by module.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn, of_body = model, set()
        if model.backbone.recipe and "glyphnet" not in model.backbone.recipe:
            model.backbone.load_state_dict(rebuild(model.backbone.recipe, seed).state_dict())
            drawn, of_body = model.head, {id(parameter) for parameter in model.backbone.parameters()}
        for module in drawn.modules():
            is_shared = any(id(parameter) in of_body for parameter in module.parameters(recurse=False))
            if hasattr(module, "reset_parameters") and not is_shared:
                module.reset_parameters()
