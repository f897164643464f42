"""Tasks to transfer to: `load_task(name)`."""

from importlib import import_module

from tlkit.errors import TlkitError

_HOME_OF = {"digits": "tlkit.data.digits"}


def task_names() -> list[str]:
    """The names that `load_task` knows."""
    return sorted(_HOME_OF)


def load_task(name: str, labels_per_class: int | None = None, seed: int = 0):
    """Load a task by name, with all of its training labels or only a few of each class.

    Args:
        name: one of `task_names()`.
        labels_per_class: training examples kept of each class, drawn by `stratified_sample`; None keeps all.
            The validation and test splits are never cut.
        seed: which sample is drawn. The splits themselves are the same for every seed.
    Returns:
        A `tlkit.data.task.Task`.
    Raises:
        TlkitError: unknown name, or more labels asked for than a class has.
    """
    if name not in _HOME_OF:
        raise TlkitError(f"there is no task {name!r}; tasks: {', '.join(task_names())}")
    task = import_module(_HOME_OF[name]).load()
    return task if labels_per_class is None else task.with_labels_per_class(labels_per_class, seed)
