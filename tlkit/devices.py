"""Where a run computes: the accelerator, its memory, and what is said when that is too small."""

import os
import resource
import sys
from contextlib import contextmanager

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState

from tlkit.errors import TlkitError

PRECISIONS = ("no", "bf16", "fp16")


def accelerator_for(precision: str = "no", device: str | None = None) -> Accelerator:
    """The accelerator of this process: one CPU or GPU, or its share of what `accelerate launch` started.

    Raises:
        TlkitError: a precision or device that there is not.
    """
    if precision not in PRECISIONS:
        raise TlkitError(f"precision={precision!r} must be one of {', '.join(PRECISIONS)}")
    if device not in (None, "cpu", "cuda"):
        raise TlkitError(f"device={device!r} must be 'cpu', 'cuda' or None")
    if device == "cuda" and not torch.cuda.is_available():
        raise TlkitError("device='cuda' but torch sees no GPU here")
    launched = int(os.environ.get("LOCAL_RANK", -1)) >= 0
    # What an earlier run in this process chose is no reason to refuse this one's choice.
    AcceleratorState._reset_state(reset_partial_state=not launched)
    # Several processes without a GPU find each other only if they are told that they compute on the CPU.
    on_cpu = device == "cpu" or (launched and not torch.cuda.is_available())
    # Bodies that read sound hold a vector that is used only where frames are masked.
    handler = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(mixed_precision=precision, cpu=on_cpu, kwargs_handlers=[handler])


def peak_memory(device: torch.device) -> int:
    """Bytes: on a GPU what torch took there at most, else what the process held at most."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held if sys.platform == "darwin" else held * 1024


@contextmanager
def clear_errors(batch_size: int):
    """Say what to do where memory runs out."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        text = str(error).lower()
        if isinstance(error, RuntimeError) and not isinstance(error, torch.OutOfMemoryError) and not (
            "can't allocate memory" in text or "not enough memory" in text or "out of memory" in text):
            raise
        raise TlkitError(f"memory ran out with batch_size={batch_size}; try accumulate={max(2, min(4, batch_size))}, which sends the "
                         "same batch in parts, a smaller batch_size, precision='bf16', or a plan that freezes more stages") from error
