"""Plans: what trains when, and how fast, as plain data.

A plan says everything that `tlkit.finetune` does apart from the model, the data and the seed.
It prints itself as a table and goes to JSON and back.
"""

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from itertools import groupby

from tlkit.data.augmentation import Jitter
from tlkit.errors import TlkitError
from tlkit.peft.methods import IA3, Adapters, BitFit, LoRA, Method, PrefixTuning, PromptTuning
from tlkit.schedules import SCHEDULES
from tlkit.settings import is_a, refuse_other_kinds
from tlkit.unfreezing import stages_that_train

OPTIMIZERS = ("adamw", "sgd")


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one set of frozen stages, its own optimiser, warm-up and schedule.

    Args:
        epochs: passes over the training data.
        learning_rate: of the body's last stage; 0 freezes the whole body.
        head_learning_rate: of the head.
        depth_decay: each stage towards the input learns this many times as fast as the one after it.
        frozen: stages that stay as they are: names, or a number that counts stages as a slice does: 3 the first
            three, -1 all but the last (`tlkit.freezing.stages_named`).
        rates: learning rates of single stages, as (name, rate), in place of `learning_rate` and `depth_decay`.
    """

    epochs: int
    learning_rate: float = 0.0
    head_learning_rate: float = 1e-2
    depth_decay: float = 1.0
    frozen: tuple[str, ...] | int = ()
    rates: tuple[tuple[str, float], ...] = ()

    @property
    def freezes_body(self) -> bool:
        """Whether the head alone learns."""
        return self.learning_rate == 0 and not self.rates

    def __post_init__(self):
        if isinstance(self.frozen, (str, list)):
            object.__setattr__(self, "frozen", (self.frozen,) if isinstance(self.frozen, str) else tuple(self.frozen))
        refuse_other_kinds(self)
        _refuse(not (is_a(int, self.frozen) or isinstance(self.frozen, tuple) and all(isinstance(name, str) for name in self.frozen)),
                f"frozen={self.frozen!r} must be names of stages, or a whole number that counts them")
        try:
            object.__setattr__(self, "rates", tuple((name, float(rate)) for name, rate in self.rates))
        except (TypeError, ValueError) as error:
            raise TlkitError(f"rates={self.rates!r} must be pairs of a stage and its learning rate, such as ((\"stem\", 1e-4),)") from error
        _refuse(self.freezes_body and self.head_learning_rate == 0,
                "learning_rate and head_learning_rate are both 0 in one phase, so nothing would learn; give one of them")
        _refuse(self.epochs < 1, f"epochs={self.epochs} must be a whole number from 1 on")
        for name in ("learning_rate", "head_learning_rate", "depth_decay"):
            value = getattr(self, name)
            _refuse(not (math.isfinite(value) and value >= 0), f"{name}={value} must be 0 or more")
        named = [name for name, _ in self.rates]
        twice = [name for name in named if named.count(name) > 1]
        _refuse(bool(twice), f"stage {twice[0] if twice else ''!r} has two learning rates in one phase; give it one")
        both = [name for name in named if isinstance(self.frozen, tuple) and name in self.frozen]
        _refuse(bool(both), f"stage {both[0] if both else ''!r} is frozen and has a learning rate in one phase; it can be one or the other")


@dataclass(frozen=True)
class Plan:
    """How a model is trained.

    Args:
        name: what tables and figures call it.
        phases: carried out in turn.
        method: what is put into the body and learns in its place (`tlkit.peft`), in all stages that a phase does not
            freeze; None lets the body's own weights learn.
        fresh_weights: True draws body and head anew before training: no transfer at all.
        head_start: "random", or "prototypes": each class starts at the mean of its features (`tlkit.adaptation`).
        batch_size: examples a step, over all processes; the last batch of an epoch may be smaller.
        accumulate: parts that a batch is sent through the model in, to save memory; the step is the same.
        optimizer: "adamw", or "sgd" with momentum 0.9.
        weight_decay: AdamW's (or SGD's); norms and biases are spared.
        schedule: "cosine", "linear" or "constant" (`tlkit.schedules`).
        warmup: the share of a phase's steps over which the learning rate rises.
        clip_norm: gradients longer than this are shortened to it; None leaves them.
        dropout: rate in front of the head.
        batchnorm: "adapted": in stages that train, BatchNorm's running statistics move to the new data; "frozen": they stay
            as they were pretrained, and are what the batches are normalised with.
        l2_sp: strength of the pull towards the weights at the start (`tlkit.heads.l2_sp`).
        jitter: random changes of the training images, or None; where there are no images they are left out.
        views: 0 changes images anew at every epoch; K > 0 draws K changed versions of each once and takes turns, so
            that a frozen body's features can be kept.
        mixup: alpha of the Beta distribution by which pairs of images are mixed (Zhang et al. 2018); 0 mixes none.
        patience: epochs without a better `metric` on the validation split after which a phase stops; at the end the
            best weights come back. None trains to the end and never looks at the validation split.
        metric: what early stopping watches, such as "accuracy", "auc" or "loss"; None is the usual one for the kind.
    """

    name: str
    phases: tuple[Phase, ...]
    method: Method | None = None
    fresh_weights: bool = False
    head_start: str = "random"
    batch_size: int = 32
    accumulate: int = 1
    optimizer: str = "adamw"
    weight_decay: float = 1e-2
    schedule: str = "cosine"
    warmup: float = 0.1
    clip_norm: float | None = None
    dropout: float = 0.0
    batchnorm: str = "adapted"
    l2_sp: float = 0.0
    jitter: Jitter | None = None
    views: int = 0
    mixup: float = 0.0
    patience: int | None = None
    metric: str | None = None

    def __post_init__(self):
        phases = (self.phases,) if isinstance(self.phases, Phase) else self.phases
        _refuse(not isinstance(phases, (tuple, list)) or any(not isinstance(phase, Phase) for phase in phases),
                f"phases={phases!r} must be phases, such as (Phase(epochs=5, learning_rate=1e-3),)")
        object.__setattr__(self, "phases", tuple(phases))
        _refuse(not self.phases, "a plan needs one phase or more")
        _refuse_no_method(self.method, or_none=True)
        _refuse(not isinstance(self.jitter, Jitter | None), f"jitter={self.jitter!r} must be a Jitter, such as Jitter(degrees=10), or None")
        for settings in (self, *([self.jitter] if self.jitter else [])):
            refuse_other_kinds(settings)
        _refuse(self.method is not None and self.fresh_weights,
                "a method of few parameters needs pretrained weights beside it; set fresh_weights=False")
        _refuse(self.method is not None and all(phase.freezes_body for phase in self.phases),
                "every phase freezes the whole body, so the plan's method would learn nothing; give a phase a learning_rate")
        _refuse(self.batch_size < 1, f"batch_size={self.batch_size} must be 1 or more")
        _refuse(not 1 <= self.accumulate <= self.batch_size,
                f"accumulate={self.accumulate} must lie between 1 and batch_size={self.batch_size}")
        _refuse(self.optimizer not in OPTIMIZERS, f"optimizer={self.optimizer!r} must be one of {', '.join(OPTIMIZERS)}")
        _refuse(self.schedule not in SCHEDULES, f"schedule={self.schedule!r} must be one of {', '.join(SCHEDULES)}")
        _refuse(self.head_start not in ("random", "prototypes"), f"head_start={self.head_start!r} must be 'random' or 'prototypes'")
        _refuse(self.batchnorm not in ("adapted", "frozen"), f"batchnorm={self.batchnorm!r} must be 'adapted' or 'frozen'")
        _refuse(self.batchnorm == "frozen" and self.fresh_weights,
                "batchnorm='frozen' keeps the statistics of pretraining, and fresh_weights=True has none; leave one of them out")
        _refuse(not 0 <= self.dropout < 1, f"dropout={self.dropout} must lie between 0 and below 1")
        _refuse(not 0 <= self.warmup <= 1, f"warmup={self.warmup} must lie between 0 and 1")
        _refuse(self.patience is not None and self.patience < 1, f"patience={self.patience} must be 1 or more, or None")
        _refuse(self.clip_norm is not None and not self.clip_norm > 0, f"clip_norm={self.clip_norm} must be above 0, or None")
        for name in ("weight_decay", "l2_sp", "mixup"):
            _refuse(not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0), f"{name}={getattr(self, name)} must be 0 or more")
        _refuse(self.views < 0 or (self.views > 0 and self.jitter is None), "views needs a jitter to draw them with")

    @property
    def epochs(self) -> int:
        """Epochs of all phases together."""
        return sum(phase.epochs for phase in self.phases)

    def to_json(self) -> str:
        """The plan as JSON; `Plan.from_json` gives an equal plan back."""
        return json.dumps({**asdict(self), "method": self.method.to_dict() if self.method is not None else None}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that `to_json` wrote.

        Raises:
            TlkitError: no JSON, a setting that plans do not have or that is missing, or a value that makes no sense.
        """
        from tlkit.plan_json import plan_from_json

        return plan_from_json(text)

    def changed(self, **changes) -> "Plan":
        """A copy with some fields changed."""
        return replace(self, **changes)

    def __str__(self) -> str:
        usual = {each.name: each.default for each in fields(self)}
        shown = ("batch_size", "weight_decay", "warmup")
        settings = {key: value for key, value in vars(self).items()
                    if key not in ("name", "phases") and (key in shown or value != usual[key])}
        lines = [f"plan {self.name}: {self.epochs} epochs"]
        lines.append(f"  {'phase':<7}{'epochs':>7}{'body lr':>10}{'head lr':>10}{'by depth':>10}  frozen")
        for number, phase in enumerate(self.phases, start=1):
            lines.append(
                f"  {number:<7}{phase.epochs:>7}{phase.learning_rate:>10.2g}{phase.head_learning_rate:>10.2g}"
                f"{phase.depth_decay:>10.2g}  {_frozen_in_words(phase, self.method)}"
            )
        return "\n".join(lines + [f"  {key.replace('_', ' ')}: {value}" for key, value in settings.items()])


def _frozen_in_words(phase: Phase, method: Method | None = None) -> str:
    if phase.freezes_body:
        return "body"
    if method is not None:
        rest = _frozen_in_words(phase)
        return "the body's own weights" + (f"; all of {rest}" if rest != "nothing" else "")
    if isinstance(phase.frozen, int):
        count = abs(phase.frozen)
        which = f"the first {count}" if phase.frozen > 0 else f"all but the last {count}" if count else "nothing"
        return which + (" stages" if count > 1 else " stage" if count == 1 else "")
    return ", ".join(phase.frozen) or "nothing"


def _refuse_no_method(method, or_none: bool = False) -> None:
    _refuse(not (isinstance(method, Method) or or_none and method is None),
            f"method={method!r} must be settings of one, such as tlkit.peft.LoRA(rank=4)" + (", or None" if or_none else ""))


def _refuse(wrong: bool, what: str) -> None:
    if wrong:
        raise TlkitError(what)


def scratch(epochs: int = 60, learning_rate: float = 1e-2, **settings) -> Plan:
    """No transfer: fresh weights, all of them trained at one learning rate."""
    phase = Phase(epochs, learning_rate, learning_rate)
    return Plan("scratch", (phase,), fresh_weights=True, **{"jitter": Jitter(10, 0.1, 0.1, 0.5), **settings})


def linear_probe(epochs: int = 100, learning_rate: float = 1e-2, **settings) -> Plan:
    """The body stays as it is; the head alone learns."""
    return Plan("linear_probe", (Phase(epochs, 0.0, learning_rate),), **settings)


def full(
    epochs: int = 40, learning_rate: float = 1e-3, head_learning_rate: float = 1e-2, frozen=(), **settings
) -> Plan:
    """Everything learns from the start, but for the stages that `frozen` names or counts."""
    phase = Phase(epochs, learning_rate, head_learning_rate, frozen=frozen)
    return Plan("full", (phase,), **{"jitter": Jitter(10, 0.1, 0.1, 0.5), **settings})


def discriminative(
    epochs: int = 40, learning_rate: float = 1e-3, head_learning_rate: float = 1e-2, depth_decay: float = 0.5, **settings
) -> Plan:
    """Everything learns, the slower the nearer it is to the input (Howard and Ruder 2018, section 3.2)."""
    return Plan("discriminative", (Phase(epochs, learning_rate, head_learning_rate, depth_decay),), **settings)


def gradual_unfreezing(
    steps: int = 3, epochs: int = 5, learning_rate: float = 1e-3, depth_decay: float = 0.5, probe_epochs: int = 20, **settings
) -> Plan:
    """First the head, then the last stage, then the last two, ... (Howard and Ruder 2018, section 3.3).

    Args:
        steps: how many stages are unfrozen, one after the other.
        epochs: of each step.
        probe_epochs: of the head alone.
    """
    stages = range(steps + 1)  # those that are to train at the end, with the head
    moving = [len(stages_that_train(epoch, stages, probe_epochs, epochs)) - 1 for epoch in range(probe_epochs + steps * epochs)]
    phases = [Phase(len(list(same)), learning_rate, learning_rate, depth_decay, frozen=-count) if count else
              Phase(len(list(same)), 0.0, 1e-2) for count, same in groupby(moving)]
    return Plan("gradual_unfreezing", tuple(phases), **settings)


def lp_ft(epochs: int = 40, learning_rate: float = 1e-3, probe_epochs: int = 100, **settings) -> Plan:
    """First the head alone, then everything (Kumar et al. 2022): a settled head spares the body wild gradients."""
    phases = (Phase(probe_epochs, 0.0, 1e-2), Phase(epochs, learning_rate, learning_rate))
    return Plan("lp_ft", phases, **settings)


def few_parameters(
    method: Method, epochs: int = 20, learning_rate: float = 1e-3, head_learning_rate: float = 1e-2, frozen=(), **settings
) -> Plan:
    """The body's weights stay; what a method puts beside them learns, and the head (`tlkit.peft`).

    Args:
        method: settings of one, such as `tlkit.peft.LoRA(rank=4)`.
        frozen: stages that nothing is to learn in.
    """
    _refuse_no_method(method)
    return Plan(method.name, (Phase(epochs, learning_rate, head_learning_rate, frozen=frozen),), method=method, **settings)


def lora(rank: int = 8, alpha: float = 16.0, targets=None, rank_stabilised: bool = False, input_dropout: float = 0.0, **settings) -> Plan:
    """Low-rank updates of weights that stay (Hu et al. 2021); settings are those of `few_parameters` and of plans."""
    return few_parameters(LoRA(rank, alpha, rank_stabilised, input_dropout, targets), **settings)


def adapters(bottleneck: int = 16, norms: bool = True, targets=None, **settings) -> Plan:
    """Small bottlenecks behind the layers of a body that stays (Houlsby et al. 2019)."""
    return few_parameters(Adapters(bottleneck, norms, targets), **settings)


def bitfit(targets=None, **settings) -> Plan:
    """Of the body, the biases alone learn (Ben Zaken et al. 2022)."""
    return few_parameters(BitFit(targets), **settings)


def prompt_tuning(count: int = 10, learning_rate: float = 1e-2, **settings) -> Plan:
    """Learned places in front of the input (Lester et al. 2021)."""
    return few_parameters(PromptTuning(count), learning_rate=learning_rate, **settings)


def prefix_tuning(count: int = 10, learning_rate: float = 1e-2, **settings) -> Plan:
    """Learned keys and values in front of every block's own (Li and Liang 2021)."""
    return few_parameters(PrefixTuning(count), learning_rate=learning_rate, **settings)


def ia3(targets=None, learning_rate: float = 1e-2, **settings) -> Plan:
    """A learned factor for every feature of keys, values and inner activations (Liu et al. 2022)."""
    return few_parameters(IA3(targets), learning_rate=learning_rate, **settings)


PLANS = {plan.__name__: plan for plan in (scratch, linear_probe, full, discriminative, gradual_unfreezing, lp_ft,
                                          lora, adapters, bitfit, prompt_tuning, prefix_tuning, ia3)}
