"""Examples that are read, decoded or drawn one by one, when they are asked for.

Axes: N examples.
"""

from collections.abc import Iterator, Sequence

import numpy as np


class Inputs(Sequence):
    """A selection of a source's examples, indexed as a tensor is: a number gives an example, anything else a selection.

    Nothing is decoded until a single example is asked for, by its number or in a loop.

    Args:
        source: has a length, and gives the example of a number: a list, or something that reads files.
        indices: which of the source's examples, int64 (N,); None means all of them, in their order.
    """

    def __init__(self, source: Sequence, indices: np.ndarray | None = None):
        self.source = source
        self.indices = indices

    def __len__(self) -> int:
        return len(self.source) if self.indices is None else len(self.indices)

    def __getitem__(self, index):
        if isinstance(index, (int, np.integer)):
            return self.source[self._place(int(index))]
        if hasattr(index, "ndim") and index.ndim == 0:
            return self.source[self._place(int(index))]
        everything = np.arange(len(self)) if self.indices is None else self.indices
        return Inputs(self.source, everything[index if isinstance(index, slice) else _as_array(index)])

    def __iter__(self) -> Iterator:
        return (self.source[self._place(index)] for index in range(len(self)))

    def split(self, size: int) -> list["Inputs"]:
        """Selections of at most `size` examples, one behind the other."""
        return [self[start : start + size] for start in range(0, len(self), size)]

    def _place(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"example {index} of {len(self)}")
        index += len(self) if index < 0 else 0
        return index if self.indices is None else int(self.indices[index])

    def __repr__(self) -> str:
        return f"{len(self):,} examples, decoded when asked for"


def _as_array(index) -> np.ndarray:
    array = np.asarray(index)
    return array if array.dtype == bool else array.astype(np.int64)
