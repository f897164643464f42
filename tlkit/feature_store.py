"""Examples kept by index: in memory, or in safetensors files that are mapped into it.

An example is a dictionary of tensors. A tensor that has one row a place (tokens, frames) is kept without its padding
and padded again, to the longest of its batch, when it is fetched.

Axes: N examples, B batch, T places in a sequence.
"""

import contextlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from tlkit.backbones.state import SEQUENCES
from tlkit.errors import TlkitError
from tlkit.files import write_tensors, write_text

Batch = Mapping[str, Tensor]
_FILLS = {**SEQUENCES, "targets of places": -100, "targets of symbols": -100}


def is_sequence(name: str, batch: Batch) -> bool:
    """Whether a tensor of a batch has a length of its own for each example, as its second axis."""
    return name == "targets of symbols" or (name in _FILLS and "mask" in batch)


def trimmed(batch: Batch) -> dict[str, Tensor]:
    """A batch without the padding that none of its examples needs."""
    if "mask" not in batch:
        return dict(batch)
    longest = max(_stops(batch["mask"]))
    return {name: values[:, :longest] if is_sequence(name, batch) and name != "targets of symbols" else values
            for name, values in batch.items()}


def rows_of(batch: Batch) -> list[dict[str, Tensor]]:
    """A batch as single examples, each sequence without the padding behind it."""
    stops = {}
    if "mask" in batch:
        stops = dict.fromkeys((name for name in batch if is_sequence(name, batch)), _stops(batch["mask"]))
    if "targets of symbols" in batch:
        stops["targets of symbols"] = (batch["targets of symbols"] != _FILLS["targets of symbols"]).sum(dim=1).tolist()
    count = len(next(iter(batch.values())))
    return [{name: values[row][: stops[name][row]] if name in stops else values[row] for name, values in batch.items()}
            for row in range(count)]


def _padded(name: str, rows: list[Tensor]) -> Tensor:
    """Single sequences as a batch, padded behind their end with what stands for nothing there."""
    return pad_sequence(rows, batch_first=True, padding_value=_FILLS[name])


def bytes_of(batch: Batch) -> float:
    """Bytes of an example, the mean over a batch, padding left out."""
    rows = rows_of(batch)
    return sum(values.numel() * values.element_size() for row in rows for values in row.values()) / len(rows)


class MemoryStore:
    """Examples in memory, on the device where they were made."""

    def __init__(self, count: int):
        self.count = count
        self._whole: dict[str, Tensor] = {}
        self._rows: dict[str, list] = {}

    def put(self, indices: Tensor, batch: Batch) -> None:
        """Keep a batch as the examples of these numbers."""
        rows = rows_of(batch) if any(is_sequence(name, batch) for name in batch) else []
        for name, values in batch.items():
            if is_sequence(name, batch):
                kept = self._rows.setdefault(name, [None] * self.count)
                for row, index in enumerate(indices.tolist()):
                    kept[index] = rows[row][name].clone()
            else:
                if name not in self._whole:
                    self._whole[name] = values.new_empty(self.count, *values.shape[1:])
                self._whole[name][indices.to(values.device)] = values

    def finish(self) -> None:
        """Nothing is left to do."""

    def fetch(self, indices: Tensor) -> dict[str, Tensor]:
        """The examples of these numbers as a batch."""
        batch = {name: values[indices.to(values.device)] for name, values in self._whole.items()}
        for name, rows in self._rows.items():
            batch[name] = _padded(name, [rows[index] for index in indices.tolist()])
        return batch


class DiskStore:
    """Examples in files below a folder, mapped into memory; several processes may fill it and read it together.

    A file is written aside and renamed, so it is whole or absent; the folder counts once every process has said that
    its share is complete.

    Args:
        folder: of this store alone; its name says what is in it.
        count: N.
        process, processes: whose share is written here.
    """

    _FILE_BYTES = 64 * 2**20

    def __init__(self, folder: Path, count: int, process: int = 0, processes: int = 1):
        self.folder, self.count = folder, count
        self.process, self.processes = process, processes
        self.sequences: set[str] = set()
        self._pending: list[tuple[int, dict[str, Tensor]]] = []
        self._pending_bytes, self._written = 0, 0
        self._where: list[tuple[dict[str, Tensor], dict[str, tuple[int, int]]]] = []

    def is_complete(self) -> bool:
        """Whether all shares are there."""
        shares = [json.loads(path.read_text())["processes"] for path in self.folder.glob("complete-*.json")]
        return any(shares.count(processes) >= processes for processes in shares)

    def put(self, indices: Tensor, batch: Batch) -> None:
        """Keep a batch as the examples of these numbers; it reaches the disk with others.

        Raises:
            TlkitError: the disk is full; what was half written is removed.
        """
        self.sequences |= {name for name in batch if is_sequence(name, batch)}
        for index, row in zip(indices.tolist(), rows_of(batch), strict=True):
            self._pending.append((index, {name: values.cpu() for name, values in row.items()}))
            self._pending_bytes += sum(values.numel() * values.element_size() for values in row.values())
        if self._pending_bytes >= self._FILE_BYTES:
            self._write()

    def _write(self) -> None:
        if not self._pending:
            return
        examples = torch.tensor([index for index, _ in self._pending])
        tensors = {"examples": examples}
        for name in self._pending[0][1]:
            values = [row[name] for _, row in self._pending]
            is_long = name in self.sequences
            tensors[f"values.{name}"] = torch.cat(values) if is_long else torch.stack(values)
            if is_long:
                tensors[f"lengths.{name}"] = torch.tensor([len(each) for each in values])
        write_tensors(self.folder / f"{self.process:04d}-{self._written:06d}.safetensors", tensors, durable=False)
        self._written += 1
        self._pending, self._pending_bytes = [], 0

    def finish(self) -> None:
        """Write what is left, and say that this process's share is complete."""
        self._write()
        self.folder.mkdir(parents=True, exist_ok=True)
        share = {"processes": self.processes, "sequences": sorted(self.sequences)}
        write_text(self.folder / f"complete-{self.process:04d}.json", json.dumps(share))

    def open(self) -> None:
        """Map the files.

        Raises:
            TlkitError: an example is missing, or a file cannot be read.
        """
        self._where = [None] * self.count
        for file in self.folder.glob("complete-*.json"):
            self.sequences |= set(json.loads(file.read_text())["sequences"])
        for path in sorted(self.folder.glob("*.safetensors")):
            try:
                tensors = load_file(path)
            except Exception as error:  # safetensors raises errors of its own
                raise TlkitError(f"{path} cannot be read ({error}); remove {self.folder} to have it made again") from error
            names = [name.removeprefix("values.") for name in tensors if name.startswith("values.")]
            stops = {name: tensors[f"lengths.{name}"].cumsum(0).tolist() for name in names if f"lengths.{name}" in tensors}
            values = {name: tensors[f"values.{name}"] for name in names}
            for row, index in enumerate(tensors["examples"].tolist()):
                spans = {name: (stops[name][row - 1] if row else 0, stops[name][row]) if name in stops else (row, -1)
                         for name in names}
                self._where[index] = (values, spans)
        if None in self._where:
            raise TlkitError(f"{self.folder} lacks example {self._where.index(None)}; remove it to have it made again")

    def fetch(self, indices: Tensor) -> dict[str, Tensor]:
        """The examples of these numbers as a batch, in memory."""
        rows = []
        for index in indices.tolist():
            values, spans = self._where[index]
            rows.append({name: values[name][start] if stop < 0 else values[name][start:stop]
                         for name, (start, stop) in spans.items()})
        batch = {name: [row[name] for row in rows] for name in rows[0]}
        return {name: _padded(name, values) if name in self.sequences else torch.stack(values) for name, values in batch.items()}

    def discard(self) -> None:
        """Remove what was written."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)


def _stops(mask: Tensor) -> list[int]:
    """One past the last valid place of each row, at least 1."""
    places = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    return (mask * places).amax(dim=1).clamp(min=1).tolist()
