"""A teacher as the loop asks it: always in eval mode, without gradients, once for each example where that is valid.

Axes: B batch, C classes, F features, T places, W words.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from tlkit.backbones.backbone import Backbone
from tlkit.backbones.state import State, channels_last
from tlkit.errors import TlkitError
from tlkit.examples import Examples
from tlkit.feature_cache import open_examples
from tlkit.kinds import TokenClassification, first_tokens
from tlkit.model import Model


def teacher_model(teacher) -> Model:
    """A teacher given as a model, as what `tlkit.load` gives, or as the path of an artefact."""
    if isinstance(teacher, (str, Path)):
        from tlkit.artefact import load

        teacher = load(teacher)
    model = teacher if isinstance(teacher, Model) else getattr(teacher, "model", None)
    if not isinstance(model, Model):
        raise TlkitError(f"a teacher is a trained model, what tlkit.load gives, or the path of an artefact, and a {type(teacher).__name__} was given")
    return model


def ask_once(teacher: nn.Module, batches) -> Tensor:
    """What a teacher says of every example, in the examples' order, in eval mode and without gradients.

    (`Teacher.open` does it for the loop, where what is asked may be more than outputs, and kept on disk.)

    Args:
        teacher: left in the mode that it was in.
        batches: pairs (inputs (B, ...), numbers int64 (B,)); row i is example numbers[i]. Each of the N examples is in one batch.
    Returns:
        (N, C), row n what the teacher says of example n.
    """
    was_training = teacher.training
    teacher.eval()
    said, numbers = [], []
    with torch.no_grad():
        for inputs, places in batches:
            said.append(teacher(inputs))
            numbers.append(places)
    teacher.train(was_training)
    return torch.cat(said)[torch.cat(numbers).argsort()]


@dataclass(frozen=True)
class Taught:
    """A batch's targets with what the teacher said of each example, by name; the loss takes them apart."""

    labels: Tensor
    said: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.labels)


class Teacher(Model):
    """A trained model as a body of one stage that gives all that is asked of it, so that it can be kept as features are.

    It gives a state of `outputs` (B, C) and `behind NAME` for every stage asked for, as `feature` makes it one tensor. For
    tags of words it gives `hidden` (B, W, C), the outputs at each word's first token, and the `mask` of words.

    Args:
        model: it is put into eval mode, and stays there; its weights are not copied.
        asked: names of its stages.
    """

    def __init__(self, model: Model, asked: tuple[str, ...] = ()):
        nn.Module.__init__(self)
        body = model.backbone
        name = f"{body.name} teaching {', '.join(('outputs', *asked))}"
        self.backbone = Backbone(name, {"teacher": _Telling(model, asked)}, body.feature_size, body.preprocessing, body.licence,
                                 batch_dependence=body.batch_dependence)
        self.head, self.dropout, self.loss, self.classes = nn.Identity(), nn.Dropout(0.0), model.loss.plain, model.classes
        self._kind, self._last_stage, self.frozen_stages, self.statistics_move = model.kind.name, "teacher", frozenset({"teacher"}), False
        self.eval()
        for parameter in self.parameters():
            parameter.requires_grad_(False)

    def open(self, split, plan, **opened) -> Examples:
        """The split's examples with what the teacher says of them, kept where that is valid."""
        self.to(opened.pop("device"))
        return open_examples(self, split, plan, **opened)


class _Telling(nn.Module):
    def __init__(self, model: Model, asked: tuple[str, ...]):
        super().__init__()
        self.model, self.asked = model, asked

    def forward(self, state: State) -> State:
        states: dict[str, State] = dict.fromkeys(self.asked)
        outputs = self.model.outputs(state, states=states)
        told = {f"behind {name}": feature(behind) for name, behind in states.items()}
        if isinstance(self.model.kind, TokenClassification):
            first = first_tokens(state["words"])                                      # (B, T)
            rows = [outputs[row, places] for row, places in enumerate(first)]
            count = first.sum(dim=1)
            mask = torch.arange(int(count.max()), device=count.device) < count[:, None]
            return {**told, "hidden": nn.utils.rnn.pad_sequence(rows, batch_first=True), "mask": mask}
        return {**told, "outputs": outputs}


class Lesson:
    """The student's examples, each batch with what the teacher says of the same examples, changed in the same way."""

    def __init__(self, examples: Examples, taught: Examples, teacher: Teacher, autocast=nullcontext):
        self.examples, self.taught, self.teacher, self.autocast = examples, taught, teacher, autocast
        self.after = examples.after
        self.note = f"{examples.note}; the teacher: {taught.note}"

    @torch.no_grad()
    def fetch(self, indices: Tensor, uniform: Tensor | None = None, epoch: int = 0) -> tuple[State, Taught]:
        """A batch: its state behind the stage `after`, and its targets."""
        state, labels = self.examples.fetch(indices, uniform, epoch)
        said, _ = self.taught.fetch(indices, uniform, epoch)
        if self.taught.after is None:
            with self.autocast():
                said = self.teacher.backbone.run(channels_last(said))
        return state, Taught(labels, {name: values.to(labels.device) for name, values in said.items()})


def feature(state: State) -> Tensor:
    """What a stage gives as one tensor: a map (B, F, H, W) or a vector (B, F) as it is, a sequence as the mean over its places.

    Raises:
        TlkitError: a stage that gives none of these.
    """
    if not isinstance(state, Tensor):
        mask = state["mask"][..., None].to(state["hidden"].dtype)
        return (state["hidden"] * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
    if state.ndim == 3:
        return state.mean(dim=1)
    if state.ndim in (2, 4):
        return state
    raise TlkitError(f"a stage gives a tensor of shape {tuple(state.shape)}, which is neither a map, nor a sequence, nor a vector")
