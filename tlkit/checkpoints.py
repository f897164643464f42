"""Where a run stands, in one file that is whole or absent: weights, optimiser, random states, and the way so far."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from tlkit.errors import TlkitError
from tlkit.files import write_tensors

FILE = "last.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and plain facts beside them."""

    tensors: dict[str, Tensor]
    facts: dict

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `name.`, without that."""
        return {key[len(name) + 1 :]: values for key, values in self.tensors.items() if key.startswith(f"{name}.")}


def save(folder: Path, parts: Mapping[str, Mapping[str, Tensor]], facts: Mapping) -> None:
    """Put a checkpoint in the place of the last one, in one step.

    Args:
        parts: tensors by name, in named groups.
        facts: what JSON can hold.
    Raises:
        TlkitError: the disk is full; the last checkpoint is still there.
    """
    tensors = {f"{part}.{name}": values for part, named in parts.items() for name, values in named.items()}
    write_tensors(folder / FILE, tensors, {"tlkit": json.dumps(facts)})


def load(folder: Path) -> Checkpoint | None:
    """The last checkpoint in a folder; None where there is none.

    Raises:
        TlkitError: the file is none of ours, or damaged.
    """
    from safetensors import safe_open

    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["tlkit"])
            return Checkpoint({name: file.get_tensor(name) for name in file.keys()}, facts)  # noqa: SIM118
    except Exception as error:  # safetensors has errors of its own
        raise TlkitError(f"{path} is no checkpoint that can be read ({error}); remove it to start anew") from error


def tidy(folder: Path) -> None:
    """Remove what a killed process left half written."""
    for part in folder.glob(f".{FILE}.*.part"):
        part.unlink(missing_ok=True)


def optimizer_tensors(optimizer) -> dict[str, Tensor]:
    """The optimiser's moments, by the number of the parameter."""
    states = optimizer.state_dict()["state"]
    return {f"{number}.{name}": values for number, state in states.items() for name, values in state.items()
            if isinstance(values, Tensor)}


def put_back(optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give a newly made optimiser the moments that `optimizer_tensors` took from one like it."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, values in tensors.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = values
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
