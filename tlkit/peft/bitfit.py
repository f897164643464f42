"""BitFit (Ben Zaken et al. 2022): of the body, the biases alone learn."""

from dataclasses import dataclass

from torch import nn

from tlkit.errors import TlkitError
from tlkit.peft.method import Method
from tlkit.peft.targets import matches, nothing_matches


@dataclass(frozen=True)
class BitFit(Method):
    """Every bias of the body learns: of linear layers, convolutions, attention, and the shifts of norms.

    Args:
        targets: modules whose biases learn; None is all.
    """

    name = "bitfit"
    targets: tuple[str, ...] | None = None

    def released(self, body) -> list[str]:
        found = biases(body.stages)
        if not found:
            raise TlkitError(f"{body.name} has no biases to learn")
        if self.targets is None:
            return found
        owners = {name: name.rpartition(".")[0] for name in found}
        for target in self.targets:
            if not any(matches(owner, target) for owner in owners.values()):
                raise nothing_matches(body, target, owners.values(), " that has a bias")
        return [name for name in found if any(matches(owners[name], target) for target in self.targets)]


def biases(module: nn.Module) -> list[str]:
    """The names of a module's biases: vectors called bias, or ..._bias as attention calls that of its three projections."""
    return [name for name, parameter in module.named_parameters()
            if parameter.ndim == 1 and (name.rpartition(".")[2] == "bias" or name.endswith("_bias"))]
