"""What `tlkit finetune` takes where nothing is said: a body for the task, and a plan for the body.

Rules of thumb as a table; each is printed when it is used, and every one can be overridden.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from tlkit.backbones import STUDENTS
from tlkit.backbones.backbone import Backbone
from tlkit.data.task import Task
from tlkit.errors import TlkitError
from tlkit.model import BATCH_NORMS
from tlkit.peft.methods import METHODS
from tlkit.plans import PLANS, Plan, few_parameters

_BODIES = {"image": "mobilenet_v2", "text": "minilm", "sound": "wav2vec2"}


@dataclass(frozen=True)
class Rates:
    """How fast a family of bodies is trained: `body` and `head` learning rates, and epochs of the whole and of a probe."""

    body: float
    head: float
    epochs: int
    probe_epochs: int


_RATES = {
    "small network": Rates(1e-3, 1e-2, 40, 100),
    "convolutional network": Rates(3e-4, 3e-3, 10, 50),
    "small Transformer": Rates(2e-4, 2e-3, 8, 50),
    "Transformer": Rates(3e-5, 1e-3, 4, 30),
    "Transformer without pretrained weights": Rates(3e-3, 1e-2, 30, 50),
}

# Few parameters are trained faster than a body's own weights: so many times in a convolutional body, and in a Transformer.
_TIMES_FASTER = {"lora": (1, 10), "adapters": (2, 5), "bitfit": (10, 10), "prompt_tuning": (50, 50), "prefix_tuning": (50, 50), "ia3": (10, 50)}


def default_backbone(task: Task) -> str:
    """The name of a body that reads the task: for 8 x 8 images glyphnet, for other ones mobilenet_v2, ...

    Raises:
        TlkitError: there is no body for the task's modality.
    """
    if task.modality not in _BODIES:
        raise TlkitError(f"{task.name} is made of {task.modality}, for which there is no pretrained body; "
                         f"bodies read {', '.join(_BODIES)}")
    shape = getattr(task.train.inputs, "shape", None)
    return "glyphnet" if task.modality == "image" and shape is not None and tuple(shape[1:]) == (1, 8, 8) else _BODIES[task.modality]


def family(backbone: Backbone) -> str:
    """Which row of the table a body belongs to."""
    parameters = sum(parameter.numel() for parameter in backbone.parameters())
    is_transformer = any(name in backbone.stages for name in ("embeddings", "patches", "positions"))
    if is_transformer and backbone.name in STUDENTS:
        return "Transformer without pretrained weights"
    if is_transformer:
        return "small Transformer" if parameters < 50e6 else "Transformer"
    return "small network" if parameters < 1e6 else "convolutional network"


def default_plan(
    name: str,
    backbone: Backbone,
    epochs: int | None = None,
    learning_rate: float | None = None,
    head_learning_rate: float | None = None,
    frozen=None,
    method: Mapping | None = None,
    batchnorm: str | None = None,
    **settings,
) -> Plan:
    """A plan by name, with learning rates and epochs that suit the body.

    A pretrained convolutional body keeps BatchNorm's running statistics while its weights train; what that was worth on chest
    X-rays stands in docs/finetuning.md.

    Args:
        epochs: of the last phase; None is the table's.
        learning_rate, head_learning_rate: None is the table's.
        frozen: of every phase that trains the body.
        batchnorm: "adapted" or "frozen"; None is what suits body and plan.
        method: settings of a plan of few parameters, such as rank.
        settings: of the plan itself.
    Raises:
        TlkitError: unknown name, or a setting that the plan's method does not have.
    """
    if name not in PLANS:
        raise TlkitError(f"there is no plan {name!r}; plans: {', '.join(PLANS)}")
    known = [each.name for each in fields(METHODS[name])] if name in METHODS else []
    if odd := [each for each in method or {} if each not in known]:
        takers = [each for each, kind in METHODS.items() if odd[0] in (field.name for field in fields(kind))]
        raise TlkitError(f"the plan {name} has no {odd[0]}, and {odd[0]}={method[odd[0]]} was given; plans that have it: {', '.join(takers)}")
    rates = _RATES[family(backbone)]
    body, head = _given(learning_rate, rates.body), _given(head_learning_rate, rates.head)
    if name == "linear_probe":
        plan = PLANS[name](_given(epochs, rates.probe_epochs), head)
    elif name == "scratch":
        plan = PLANS[name](_given(epochs, 2 * rates.epochs), _given(learning_rate, 3 * rates.body))
    elif name in METHODS:
        rate = _given(learning_rate, rates.body * _TIMES_FASTER[name]["Transformer" in family(backbone)])
        plan = few_parameters(METHODS[name](**(method or {})), _given(epochs, 2 * rates.epochs), rate, head)
    elif name == "lp_ft":
        plan = PLANS[name](_given(epochs, rates.epochs), body, rates.probe_epochs)
        plan = plan.changed(phases=(replace(plan.phases[0], head_learning_rate=head), plan.phases[1]))
    elif name == "gradual_unfreezing":
        plan = PLANS[name](epochs=_given(epochs, max(1, rates.epochs // 3)), learning_rate=body, probe_epochs=rates.probe_epochs)
    else:
        plan = PLANS[name](_given(epochs, rates.epochs), body, head)
    if frozen is not None:
        plan = plan.changed(phases=tuple(replace(phase, frozen=frozen) if phase.learning_rate else phase for phase in plan.phases))
    if batchnorm is not None or _keeps_statistics(backbone, plan):
        settings = {"batchnorm": batchnorm or "frozen", **settings}
    if backbone.modality != "image" or family(backbone) != "small network":
        settings = {"jitter": None, **settings}
    return plan.changed(**settings)


def _given(value, otherwise):
    return otherwise if value is None else value


def _keeps_statistics(backbone: Backbone, plan: Plan) -> bool:
    """Whether a plan that trains the body's own weights should leave the running statistics of its pretraining."""
    trains = not plan.fresh_weights and plan.method is None and any(phase.learning_rate for phase in plan.phases)
    return (trains and family(backbone) == "convolutional network" and bool((backbone.recipe or {}).get("pretrained"))
            and any(isinstance(module, BATCH_NORMS) for module in backbone.modules()))
