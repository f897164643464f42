"""Plans: what trains when, and how fast, as plain data.

A plan says everything that `tlkit.finetune` does apart from the model, the data and the seed.
It prints itself as a table and goes to JSON and back.
"""

import json
from dataclasses import asdict, dataclass, replace

from tlkit.data.augmentation import Jitter


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one set of frozen stages and its own warm-up and cosine.

    Args:
        epochs: passes over the training data.
        learning_rate: of the body's last stage; 0 freezes the whole body.
        head_learning_rate: of the head.
        depth_decay: each stage towards the input learns this many times as fast as the one after it.
        frozen: names of stages that stay as they are.
    """

    epochs: int
    learning_rate: float = 0.0
    head_learning_rate: float = 1e-2
    depth_decay: float = 1.0
    frozen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """How a model is trained.

    Args:
        name: what tables and figures call it.
        phases: carried out in turn.
        fresh_weights: True draws body and head anew before training: no transfer at all.
        head_start: "random", or "prototypes": each class starts at the mean of its features (`tlkit.heads`).
        batch_size: examples a step; the last batch of an epoch may be smaller.
        weight_decay: AdamW's; norms and biases are spared.
        warmup: the share of a phase's steps over which the learning rate rises.
        jitter: random changes of the training images, or None.
        patience: epochs without a better validation accuracy after which training stops and the best weights
            come back; None trains to the end and never looks at the validation split.
    """

    name: str
    phases: tuple[Phase, ...]
    fresh_weights: bool = False
    head_start: str = "random"
    batch_size: int = 32
    weight_decay: float = 1e-2
    warmup: float = 0.1
    jitter: Jitter | None = None
    patience: int | None = None

    @property
    def epochs(self) -> int:
        """Epochs of all phases together."""
        return sum(phase.epochs for phase in self.phases)

    def to_json(self) -> str:
        """The plan as JSON; `Plan.from_json` gives an equal plan back."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that `to_json` wrote."""
        fields = json.loads(text)
        phases = tuple(Phase(**{**phase, "frozen": tuple(phase["frozen"])}) for phase in fields.pop("phases"))
        jitter = fields.pop("jitter")
        return cls(**fields, phases=phases, jitter=Jitter(**jitter) if jitter else None)

    def changed(self, **fields) -> "Plan":
        """A copy with some fields changed."""
        return replace(self, **fields)

    def __str__(self) -> str:
        shared = {key: value for key, value in vars(self).items() if key not in ("name", "phases") and value is not None}
        lines = [f"plan {self.name}: {self.epochs} epochs"]
        lines.append(f"  {'phase':<7}{'epochs':>7}{'body lr':>10}{'head lr':>10}{'by depth':>10}  frozen")
        for number, phase in enumerate(self.phases, start=1):
            frozen = ", ".join(phase.frozen) or ("body" if phase.learning_rate == 0 else "nothing")
            lines.append(
                f"  {number:<7}{phase.epochs:>7}{phase.learning_rate:>10.2g}{phase.head_learning_rate:>10.2g}"
                f"{phase.depth_decay:>10.2g}  {frozen}"
            )
        return "\n".join(lines + [f"  {key.replace('_', ' ')}: {value}" for key, value in shared.items()])


def scratch(epochs: int = 60, learning_rate: float = 1e-2, **fields) -> Plan:
    """No transfer: fresh weights, all of them trained at one learning rate."""
    phase = Phase(epochs, learning_rate, learning_rate)
    return Plan("scratch", (phase,), fresh_weights=True, **{"jitter": Jitter(10, 0.1, 0.1, 0.5), **fields})


def linear_probe(epochs: int = 100, learning_rate: float = 1e-2, **fields) -> Plan:
    """The body stays as it is; the head alone learns."""
    return Plan("linear_probe", (Phase(epochs, 0.0, learning_rate),), **fields)


def full(epochs: int = 40, learning_rate: float = 1e-3, head_learning_rate: float = 1e-2, **fields) -> Plan:
    """Everything learns from the start."""
    phase = Phase(epochs, learning_rate, head_learning_rate)
    return Plan("full", (phase,), **{"jitter": Jitter(10, 0.1, 0.1, 0.5), **fields})


def lp_ft(epochs: int = 40, learning_rate: float = 1e-3, probe_epochs: int = 100, **fields) -> Plan:
    """First the head alone, then everything (Kumar et al. 2022): a settled head spares the body wild gradients."""
    phases = (Phase(probe_epochs, 0.0, 1e-2), Phase(epochs, learning_rate, learning_rate))
    return Plan("lp_ft", phases, **fields)
