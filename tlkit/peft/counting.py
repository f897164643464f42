"""What few trainable parameters cost, by arithmetic (Hu et al. 2021, section 4.2).

Axes: O outputs, I inputs, R rank.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from math import prod

from tlkit.errors import TlkitError
from tlkit.settings import whole

MOMENTS = 2  # AdamW's running means: of the gradient, and of its square


def _of_whole_numbers(cost: Callable) -> Callable:
    """The same, with rank and bytes looked at first."""
    @wraps(cost)
    def checked(shapes, rank, bytes_per_number=4):
        return cost(shapes, whole("rank", rank), whole("bytes_per_number", bytes_per_number))
    return checked


@_of_whole_numbers
def low_rank_cost(shapes: Iterable[tuple[int, ...]], rank: int, bytes_per_number: int = 4) -> tuple[int, int, float]:
    """How many numbers low-rank updates learn, the bytes of AdamW's moments for them, and which share of the weights' own numbers that is.

        parameters = sum R * (I + O),   bytes = 2 * parameters * bytes_per_number,   share = parameters / sum O * I

    Args:
        shapes: of the weights that get an update: (O, I), or (O, I', K, K) of a convolution, with I = I' K K.
        rank: R.
        bytes_per_number: 4 for float32.
    Raises:
        TlkitError: no weights, a rank that is no whole number between 1 and the smaller side of each, or bytes that are none.
    """
    sides = [(shape[0], prod(shape[1:])) for shape in shapes]
    if not sides:
        raise TlkitError("there are no weights to update; name at least one shape (outputs, inputs)")
    most = min(min(pair) for pair in sides)
    if not 1 <= rank <= most:
        raise TlkitError(f"rank={rank} must lie between 1 and {most}, the smallest side of these weights")
    parameters = sum(rank * (inputs + outputs) for outputs, inputs in sides)
    return parameters, MOMENTS * bytes_per_number * parameters, parameters / sum(outputs * inputs for outputs, inputs in sides)
