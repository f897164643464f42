"""Distillation: a student learns from a teacher's outputs, its features, or where it looks. It is a loss given to the one loop.

Axes: B batch, C classes, F features or channels, H height, W width, T places, W words where tags are learned.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from tlkit.backbones.state import State
from tlkit.data.task import Task
from tlkit.distillation_losses import attention_loss, hint_loss, soft_loss
from tlkit.errors import TlkitError
from tlkit.feature_key import weights_hash
from tlkit.heads import IGNORED, CrossEntropy, Loss
from tlkit.model import Model
from tlkit.run import Run
from tlkit.settings import refuse_other_kinds
from tlkit.teacher import Lesson, Taught, Teacher, feature, teacher_model


@dataclass(frozen=True)
class Distil:
    """What a student learns from its teacher, and how much that counts. Plain data.

    Args:
        temperature: T, above 0; the higher, the more the teacher's small probabilities count (Hinton et al. 2015).
        soft_share: s, from 0 to 1: the loss is (1 - s) times that of the labels plus s times that of the teacher's outputs.
        hints: pairs of a student's and a teacher's stage; the student's features there are to give the teacher's
            through a learned projection (Romero et al. 2015).
        hint_strength: what the hints' loss is multiplied by.
        attention: pairs of stages that give maps; the student is to look where the teacher looks (Zagoruyko and
            Komodakis 2017).
        attention_strength: what that loss is multiplied by.
    """

    temperature: float = 4.0
    soft_share: float = 0.9
    hints: tuple[tuple[str, str], ...] = field(default=())
    hint_strength: float = 1.0
    attention: tuple[tuple[str, str], ...] = field(default=())
    attention_strength: float = 1.0

    def __post_init__(self):
        refuse_other_kinds(self)
        for name in ("hints", "attention"):
            object.__setattr__(self, name, _pairs(name, getattr(self, name)))
        if not 0 < self.temperature < math.inf:
            raise TlkitError(f"temperature={self.temperature} must be above 0 and finite; 1 leaves the teacher's probabilities as they are, 4 is usual")
        if not 0 <= self.soft_share <= 1:
            raise TlkitError(f"soft_share={self.soft_share} must lie between 0 and 1")
        for name in ("hint_strength", "attention_strength"):
            if not 0 <= getattr(self, name) < math.inf:
                raise TlkitError(f"{name}={getattr(self, name)} must be 0 or more, and finite")


def _pairs(name: str, given) -> tuple[tuple[str, str], ...]:
    if isinstance(given, (tuple, list)) and all(isinstance(pair, (tuple, list)) and list(map(type, pair)) == [str, str] for pair in given):
        return tuple(map(tuple, given))
    is_one = isinstance(given, (tuple, list)) and list(map(type, given)) == [str, str]
    right = f"(({given[0]!r}, {given[1]!r}),)" if is_one else '(("block2", "block3"),)'
    raise TlkitError(f"{name}={given!r} must be pairs of a student's and a teacher's stage: {name}={right}")


def distill(
    student: Model,
    teacher: "Model | str | Path",
    task: Task,
    plan=None,
    seed: int = 0,
    settings: Distil | None = None,
    **options,
) -> Run:
    """Train `student`, in place, by the one loop, with a loss that asks the teacher.

    What the teacher says is computed once and kept where images are not changed at random, else at every step, for the
    changed images. It is in eval mode, and no gradient reaches it. The artefact of the run holds the student alone.

    Args:
        student: from `tlkit.adapt(body, task)`.
        teacher: a model, what `tlkit.load` gives, or the path of an artefact; of the same kind of task and classes.
        plan, seed, options: as for `tlkit.finetune`; no plan is `plans.full()`.
        settings: `Distil()` where none are given.
    Raises:
        TlkitError: as for `tlkit.finetune`; a teacher of another kind or with other classes, one that shares weights with
            the student, a stage that one of the two does not have, or that is frozen in the student; mixup.
    """
    from tlkit import plans
    from tlkit.fitting import refuse_misfits
    from tlkit.training import finetune

    plan = plans.full() if plan is None else plan
    refuse_misfits(student, task, plan)
    if not isinstance(settings, Distil | None):
        raise TlkitError(f"settings={settings!r} must be a Distil, such as Distil(temperature=4.0)")
    plain = student.loss
    student.loss = DistillationLoss(student, teacher_model(teacher), settings or Distil(), seed)
    try:
        run = finetune(student, task, plan, seed, **options)
    finally:
        student.loss = plain
    run.start = {name: values for name, values in run.start.items() if not name.startswith("loss.")}
    return run


class DistillationLoss(Loss):
    """(1 - s) L_labels + s L_soft + hint_strength L_hints + attention_strength L_attention, each summed over examples.

    L_soft is `soft_loss`, L_hints the sum of `hint_loss` over the pairs, L_attention of `attention_loss`. Where examples
    weigh differently in L_labels (class weights, several labels), they do so in the others too.

    Args:
        student: whose `loss` is L_labels; its body is asked for the sizes of its features.
        teacher: of the same kind of task, with the same classes in any order.
        settings: s, T, stages and strengths.
        seed: of the projections; the global random state is left as it was.
    Raises:
        TlkitError: teacher and student do not fit each other.
    """

    def __init__(self, student: Model, teacher: Model, settings: Distil, seed: int = 0):
        super().__init__()
        self._plain, self.settings, self.kind = student.loss.plain, settings, student.kind.name
        self.order = _refuse_unfit(student, teacher)
        self.looks_at = tuple(dict.fromkeys(name for name, _ in (*settings.hints, *settings.attention)))
        asked = tuple(dict.fromkeys(name for _, name in (*settings.hints, *settings.attention)))
        _refuse_unknown_stages(student, self.looks_at)
        _refuse_unknown_stages(teacher, asked)
        self._teacher, self._student = [Teacher(teacher, asked)], [student]  # in lists, so that neither is a part of the loss
        self.projections = nn.ModuleList()
        if settings.hints or settings.attention:
            self._fit(student, teacher, seed)

    def _fit(self, student: Model, teacher: Model, seed: int) -> None:
        sizes = [_example_features(model, [pair[side] for pair in (*self.settings.hints, *self.settings.attention)])
                 for side, model in enumerate((student, teacher))]
        for ours, theirs in self.settings.attention:
            if len(sizes[0][ours]) != 4 or len(sizes[1][theirs]) != 4:
                raise TlkitError(f"attention transfer compares maps (B, C, H, W), and stages {ours} and {theirs} give {tuple(sizes[0][ours])} and "
                                 f"{tuple(sizes[1][theirs])}; take hints for them")
        weight = next(student.parameters())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.projections.extend(nn.Linear(sizes[0][ours][1], sizes[1][theirs][1]) for ours, theirs in self.settings.hints)
        self.projections.to(weight.device, weight.dtype)

    @property
    def teacher(self) -> Teacher:
        return self._teacher[0]

    @property
    def plain(self) -> Loss:
        return self._plain

    def facts(self) -> dict:
        return {"name": type(self).__name__, "plain": self.plain.facts(), **asdict(self.settings),
                "teacher": weights_hash(self.teacher.state_dict().items())}

    def accompanied(self, examples, split, plan, **opened):
        if plan.mixup:
            raise TlkitError("mixup mixes images that the teacher was not asked about; set mixup=0")
        if skipped := [name for name in self.looks_at if examples.after is not None and name in self._before(examples.after)]:
            raise TlkitError(f"stage {skipped[0]} of the student is frozen, so nothing could be learned from a teacher there; "
                             "name a stage that trains")
        device = next(self._student[0].parameters()).device
        return Lesson(examples, self.teacher.open(split, plan, device=device, **opened), self.teacher, opened["autocast"])

    def _before(self, stage: str) -> list[str]:
        return self._student[0].backbone.stretch(to=stage)

    def weight(self, targets) -> Tensor:
        return self.plain.weight(targets.labels if isinstance(targets, Taught) else targets)

    def total(self, outputs: Tensor, targets, states: dict[str, State] | None = None) -> Tensor:
        """The sum of the losses; of the labels' alone where the targets bring nothing from the teacher, as on a validation split."""
        if not isinstance(targets, Taught):
            return self.plain.total(outputs, targets)
        labels, said, settings = targets.labels, targets.said, self.settings
        total = (1 - settings.soft_share) * self.plain.total(outputs, labels)
        if settings.soft_share:
            total = total + settings.soft_share * self._soft(outputs, labels, said)
        each = _example_weights(self.plain, self.kind, labels, outputs)
        for (ours, theirs), projection in zip(settings.hints, self.projections, strict=True):
            losses = hint_loss(_projected(projection, feature(states[ours])), said[f"behind {theirs}"])
            total = total + settings.hint_strength * (each * losses).sum()
        for ours, theirs in settings.attention:
            total = total + settings.attention_strength * (each * attention_loss(states[ours], said[f"behind {theirs}"])).sum()
        return total

    def _soft(self, outputs: Tensor, labels: Tensor, said: dict[str, Tensor]) -> Tensor:
        if self.kind == "token classification":
            outputs, labels, there = _by_word(outputs, labels, said)
            losses = soft_loss("classification", outputs, there[:, self.order], self.settings.temperature)
            return (_example_weights(self.plain, "classification", labels, outputs) * losses).sum()
        there = said["outputs"].to(outputs.dtype)
        there = there if self.order is None else there[:, self.order]
        losses = soft_loss(self.kind, outputs, there, self.settings.temperature, getattr(self.plain, "unit", 1.0))
        return (losses * (_example_weights(self.plain, self.kind, labels, outputs) if self.kind == "classification" else 1)).sum()

    def extra_repr(self) -> str:
        settings = self.settings
        pairs = [f"{what}: {', '.join(f'{ours} from {theirs}' for ours, theirs in given)}"
                 for what, given in (("hints", settings.hints), ("attention", settings.attention)) if given]
        return ", ".join([f"temperature={settings.temperature:g}, soft_share={settings.soft_share:g}", *pairs])


def _projected(projection: nn.Linear, features: Tensor) -> Tensor:
    """A linear map of every place's features, axis 1."""
    return projection(features.movedim(1, -1)).movedim(-1, 1)


def _example_weights(plain: Loss, kind: str, labels: Tensor, outputs: Tensor) -> Tensor:
    """What each example counts, so that their sum is `plain.weight(labels)`, (B,)."""
    if kind == "multi-label":
        return outputs.new_full((len(labels),), labels.shape[1])
    if kind == "token classification":
        valid = labels != IGNORED
        weights = 1 if plain.class_weights is None else plain.class_weights[labels.clamp(min=0)]
        return (weights * valid).sum(dim=1).to(outputs.dtype)
    if isinstance(plain, CrossEntropy) and plain.class_weights is not None:
        return plain.class_weights[labels].to(outputs.dtype)
    return outputs.new_ones(len(labels))


def _by_word(outputs: Tensor, labels: Tensor, said: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs and labels at the words that both models read, and the teacher's outputs there: (words, C), (words,), (words, C).

    The student's targets stand at its words' first tokens, in the words' order; the teacher's outputs are by word, (B, W, C).
    """
    valid = labels != IGNORED
    word = valid.cumsum(dim=1) - 1                                                    # (B, T)
    known = valid & (word < said["mask"].sum(dim=1, keepdim=True))
    rows = known.nonzero()[:, 0]
    return outputs[known], labels[known], said["hidden"].to(outputs.dtype)[rows, word[known]]


def _refuse_unfit(student: Model, teacher: Model) -> list[int] | None:
    """Where the student's classes stand among the teacher's; None where there are none."""
    kinds = ("classification", "multi-label", "regression", "token classification")
    if student.kind.name not in kinds:
        raise TlkitError(f"a task of kind {student.kind.name!r} cannot be distilled here; kinds that can: {', '.join(kinds)}")
    if teacher.kind is not student.kind:
        raise TlkitError(f"the teacher was trained for {teacher.kind.name} and the student is for {student.kind.name}; both must be for the same")
    mine = {id(parameter) for parameter in student.parameters()}
    if any(id(parameter) in mine for parameter in teacher.parameters()):
        raise TlkitError("teacher and student share weights, so the teacher would change while it teaches; load the body anew for the student")
    if set(student.classes) != set(teacher.classes):
        odd = sorted(set(student.classes) ^ set(teacher.classes))
        differ = ", ".join(map(repr, odd[:3])) + (", ..." if len(odd) > 3 else "")
        raise TlkitError(f"the student has {len(student.classes)} classes and the teacher {len(teacher.classes)}, and they differ in {differ}; distil on the teacher's own task, or let another teacher learn the student's classes")
    return [teacher.classes.index(name) for name in student.classes] if student.classes else None


def _refuse_unknown_stages(model: Model, names: Sequence[str]) -> None:
    if odd := [name for name in names if name not in model.body]:
        raise TlkitError(f"{model.backbone.name} has no stage {odd[0]!r}; stages from the input on: {', '.join(model.body)}")


def _example_features(model: Model, names: Sequence[str]) -> dict[str, torch.Size]:
    """The shapes of what stages give for one example."""
    states = dict.fromkeys(names)
    with model.evaluating():
        model.outputs(model.backbone.place(model.backbone.preprocessing.example()), states=states)
    return {name: feature(state).shape for name, state in states.items()}
