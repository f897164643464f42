"""Tasks to transfer to: `load_task(name)`."""

import warnings
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from tlkit.data.catalogue import CATALOGUE
from tlkit.errors import TlkitError, TlkitWarning

SPLITS = ("train", "val", "test")


def task_names() -> list[str]:
    """The names that `load_task` knows."""
    return sorted(CATALOGUE)


def load_task(
    name: str | Path,
    labels_per_class: int | None = None,
    seed: int = 0,
    *,
    target: str | None = None,
    classes: Sequence[str] | None = None,
    examples: int | None = None,
    split: str | None = None,
    **reading,
):
    """Load a task by name, or your own data by its path, with all of its training labels or only a few.

    Args:
        name: one of `task_names()`, or the path of your own data (see `tlkit.data.own`).
        labels_per_class: training examples kept of each class, drawn by `stratified_sample`; None keeps all.
            The validation and test splits are never cut.
        seed: which sample is drawn. The splits themselves are the same for every seed.
        target: which question is asked of data that answers several ("intent" or "topic" of tickets).
        classes: keep only these classes, in this order, in every split.
        examples: training examples kept, whatever their class; for tasks without classes.
        split: "train", "val" or "test" gives that `Split` instead of the task.
        reading: how to read your own data: `text`, `label`, `kind`, `val_share`, `test_share`, `split_seed`, ...;
            of the published sets, those whose val is cut from train take `split_seed`.
    Returns:
        A `tlkit.data.task.Task`, or a `Split` of it.
    Raises:
        TlkitError: unknown name, a request that the task cannot meet, or data that cannot be read or fetched.
    """
    if split is not None and split not in SPLITS:
        raise TlkitError(f"split={split!r} must be one of {', '.join(SPLITS)}")
    if labels_per_class is not None and examples is not None:
        raise TlkitError("ask for labels_per_class or for examples, not for both")
    task = _load(name, target, reading)
    if classes is not None:
        task = task.with_classes(classes)
    if labels_per_class is not None:
        task = task.with_labels_per_class(labels_per_class, seed)
    if examples is not None:
        task = task.with_examples(examples, seed)
    return task if split is None else getattr(task, split)


def _load(name: str | Path, target: str | None, reading: dict):
    """The whole task."""
    if name in CATALOGUE:
        entry = CATALOGUE[name]
        if odd := sorted(set(reading) - ({"split_seed"} if entry.cut_by_seed else set())):
            raise TlkitError(f"{name} is read in one way only; {', '.join(odd)} is for your own data")
        if target is not None and target not in (entry.targets or (target,)):
            raise TlkitError(f"{name} has no target {target!r}; targets: {', '.join(entry.targets)}")
        if Path(name).exists():
            warnings.warn(f"{name} here is the published or the course's set; for the data of that name in this folder write "
                          f"./{name} on the command line and Path({name!r}) in Python", TlkitWarning, stacklevel=3)
        module, function = entry.home.split(":")
        asked = {"target": target} if target is not None and entry.targets else {}
        return getattr(import_module(module), function)(**entry.options, **asked, **reading)
    path = Path(name).expanduser()
    if path.exists():
        from tlkit.data.own import read_own

        return read_own(path, target=target, **reading)
    if isinstance(name, Path) or "/" in name or path.suffix:
        raise TlkitError(f"there is no file or folder {str(name)!r}")
    near = get_close_matches(name, task_names(), n=3, cutoff=0.6)
    raise TlkitError(
        f"there is no task {name!r}; tasks: {', '.join(task_names())}, or the path of your own data"
        + (f"; do you mean {' or '.join(near)}?" if near else "")
    )
