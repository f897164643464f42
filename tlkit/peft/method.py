"""What the methods have in common: settings that are plain data, and modules put around the body's own."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import ClassVar

import torch
from torch import Tensor, nn

from tlkit.errors import TlkitError
from tlkit.settings import is_a, whole


@dataclass(frozen=True)
class Method:
    """Settings of a method. A plan holds one; it prints itself and goes to JSON with the plan.

    `targets` of the methods that have it name modules of the body: whole names, their ends, or patterns with `*`
    (`tlkit.peft.targets`); None is what suits the body.

    Raises:
        TlkitError: a setting of another type than its default's, or out of range.
    """

    name: ClassVar[str] = ""

    def __post_init__(self):
        for each in fields(self):
            check = names if each.name == "targets" else _CHECKS[type(each.default)]
            object.__setattr__(self, each.name, check(each.name, getattr(self, each.name)))

    def modules(self, body) -> dict[str, "Around"]:
        """What is put around which module of the body, by its name there; drawn from torch's random state."""
        return {}

    def released(self, body) -> list[str]:
        """The names of the body's own parameters that learn too."""
        return []

    def to_dict(self) -> dict:
        """Plain data; `tlkit.peft.methods.method_from` gives an equal method back."""
        return {"name": self.name, **asdict(self)}

    def __str__(self) -> str:
        usual = {each.name: each.default for each in fields(self)}
        said = [f"{key.replace('_', ' ')} {', '.join(value) if isinstance(value, tuple) else value}" for key, value in asdict(self).items()
                if not isinstance(value, bool) and value is not None and (value != usual[key] or key in _ALWAYS_SAID)]
        said += [key.replace("_", " ") if value else f"no {key.replace('_', ' ')}" for key, value in asdict(self).items()
                 if isinstance(value, bool) and value != usual[key]]
        return ", ".join([self.name, *said])


_ALWAYS_SAID = ("rank", "alpha", "bottleneck", "count")


class Around(nn.Module):
    """A module of the body with something learned around it; `base` is the module itself, whose weights stay.

    A subclass says what it computes in `forward`, and in `merged_values` what weights would compute the same alone.
    """

    spared_from_decay: tuple[str, ...] = ()

    def __init__(self, base: nn.Module):
        super().__init__()
        self.base = base
        self._unmerged: dict[str, Tensor] | None = None

    @property
    def weight(self) -> Tensor:
        """The base's own: some code looks at a layer's weight for its type or device."""
        return self.base.weight

    @property
    def bias(self) -> Tensor | None:
        return self.base.bias

    @property
    def merged(self) -> bool:
        """Whether the base's weights hold what was learned, so that nothing is added to what it computes."""
        return self._unmerged is not None

    def own_modules(self) -> list[nn.Module]:
        """What is added, without the base."""
        return [module for name, module in self.named_children() if name != "base"]

    def own_parameters(self) -> list[nn.Parameter]:
        """What learns, without the base's parameters."""
        return [*self._parameters.values(), *(parameter for module in self.own_modules() for parameter in module.parameters())]

    def merged_values(self) -> Mapping[str, Tensor]:
        """What the base's parameters would have to be, by name; empty where no weights can say it."""
        return {}

    @torch.no_grad()
    def merge(self) -> None:
        """Write what was learned into the base's weights; the old ones are kept, so that `unmerge` gives those very back.

        Raises:
            TlkitError: it is merged, or cannot be.
        """
        if self.merged:
            raise TlkitError(f"{type(self).__name__} is merged already; merging twice would add what was learned twice: unmerge it first")
        values = self.merged_values()
        if not values:
            raise TlkitError(f"{type(self).__name__} computes what no weights of the body can hold, so it cannot be merged")
        old = {name: self.base.get_parameter(name) for name in values}
        self._unmerged = {name: parameter.detach().clone() for name, parameter in old.items()}
        for name, parameter in old.items():
            parameter.copy_(values[name])

    @torch.no_grad()
    def unmerge(self) -> None:
        """Give the base its own weights back, to the bit.

        Raises:
            TlkitError: it is not merged.
        """
        if not self.merged:
            raise TlkitError(f"{type(self).__name__} is not merged, so there is nothing to unmerge")
        for name, values in self._unmerged.items():
            self.base.get_parameter(name).copy_(values)
        self._unmerged = None


def _number(name: str, value) -> float:
    refuse(not is_a(float, value) or not math.isfinite(value), f"{name}={value!r} must be a number")
    return value if isinstance(value, (int, float)) else float(value)


def _yes_or_no(name: str, value) -> bool:
    refuse(not is_a(bool, value), f"{name}={value!r} must be True or False")
    return bool(value)


def names(name: str, value) -> tuple[str, ...] | None:
    """A setting that names modules, as a tuple; None stays None.

    Raises:
        TlkitError: it is no name and no sequence of names, or one is empty.
    """
    if value is None:
        return None
    found = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    odd = isinstance(value, (bytes, Mapping)) or any(not isinstance(each, str) for each in found)
    refuse(odd, f'{name}={value!r} must be names of modules, such as ("query", "value"), or None for what suits the body')
    refuse(not found, f"{name}={value!r} names no module; give at least one, or None for what suits the body")
    refuse(any(not each.strip() for each in found), f"{name}={value!r} has an empty name; is there a comma too many?")
    return found


_CHECKS = {int: whole, float: _number, bool: _yes_or_no}


def like(base: nn.Module) -> dict:
    """Device and type of a module's weights, for what is added to it."""
    parameter = next(base.parameters())
    return {"device": parameter.device, "dtype": parameter.dtype}


def refuse(wrong: bool, what: str) -> None:
    """Raise a TlkitError where something is wrong."""
    if wrong:
        raise TlkitError(what)
