"""The learner's session around a check: its dice and settings are put back, patched functions set aside meanwhile."""

import builtins
import contextlib
import os
import random
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

_LIBRARIES = ("numpy", "numpy.random", "numpy.linalg", "math", "random", "statistics", "torch", "torch.nn",
              "torch.nn.functional", "torch.optim", "torch.autograd", "time", "signal", "inspect")
_CLASSES = ("torch:Tensor", "torch.nn:Module", "torch.nn:Linear", "torch.optim:Optimizer", "torch.optim:SGD",
            "torch.optim:AdamW")
_vars, _setattr = vars, setattr  # a patched builtin must not stop us from putting it right
_as_it_was: dict[str, tuple[Any, dict[str, Any]]] = {}


def _owners() -> Iterator[tuple[str, Any]]:
    """Modules and classes whose functions the engine relies on, as far as they are loaded."""
    yield "builtins", builtins
    for name in _LIBRARIES:
        if name in sys.modules:
            yield name, sys.modules[name]
    for name, module in list(sys.modules.items()):
        if name.startswith("tlkit.") and isinstance(module, ModuleType):
            yield name, module
    for address in _CLASSES:
        module, _, name = address.partition(":")
        if module in sys.modules:
            yield f"{module}.{name}", getattr(sys.modules[module], name)


def remember() -> None:
    """Note how the libraries are now, those that were not noted before: what can be patched to fool, not data."""
    for name, owner in _owners():
        if name not in _as_it_was:
            _as_it_was[name] = owner, {attribute: value for attribute, value in vars(owner).items()
                                       if callable(value) or isinstance(value, staticmethod | classmethod | property)}


def put_right() -> list[tuple[str, Any, str, Any]]:
    """Undo patches: (name, owner, attribute, patch) of each. What was deleted comes back, its patch is None."""
    patches = []
    for name, (owner, originals) in _as_it_was.items():
        now = _vars(owner)
        for attribute, original in originals.items():
            patch = now.get(attribute)
            if patch is not original:
                patches.append((name, owner, attribute, patch))
                with contextlib.suppress(AttributeError, TypeError):
                    _setattr(owner, attribute, original)
    return patches


@contextlib.contextmanager
def pristine() -> Iterator[list[str]]:
    """The libraries as they were when first seen; patches are set aside for the block and come back after it.

    The yielded list names what of the libraries somebody had patched when the block began.
    """
    patches = put_right()
    remember()
    try:
        yield [f"{name}.{attribute}" for name, _, attribute, patch in patches
               if not name.startswith("tlkit.") and not _is_the_systems(name, patch)]
    finally:
        put_right()
        for _, owner, attribute, patch in patches:
            if patch is not None:
                with contextlib.suppress(AttributeError, TypeError):
                    setattr(owner, attribute, patch)


def _is_the_systems(owner: str, patch: Any) -> bool:
    """Whether a library replaced its own function (as torch does when its compiler is loaded), or the kernel `input`."""
    made_in = str(getattr(patch, "__module__", None)).partition(".")[0]
    return made_in == owner.partition(".")[0] != "builtins" or made_in in ("IPython", "ipykernel")


@contextlib.contextmanager
def random_states_kept() -> Iterator[list[str]]:
    """Put every global random state back as it was; the yielded list then names those that had moved."""
    moved: list[str] = []
    torch = sys.modules.get("torch")
    before = random.getstate(), np.random.get_state(), torch.get_rng_state().clone() if torch else None
    try:
        yield moved
    finally:
        if random.getstate() != before[0]:
            moved.append("python")
            random.setstate(before[0])
        now = np.random.get_state()
        if now[2] != before[1][2] or not np.array_equal(now[1], before[1][1]):
            moved.append("numpy")
            np.random.set_state(before[1])
        if torch and not torch.equal(torch.get_rng_state(), before[2]):
            moved.append("torch")
            torch.set_rng_state(before[2])


@contextlib.contextmanager
def other_dice() -> Iterator[None]:
    """The global random states somewhere else for the block, so that what depends on them comes out otherwise."""
    with random_states_kept():
        random.random()
        np.random.random(11)
        torch = sys.modules.get("torch")
        if torch:
            torch.rand(11)
        yield


@contextlib.contextmanager
def settings_kept() -> Iterator[list[str]]:
    """Put settings of the process back as they were; the yielded list then says which had changed."""
    changed: list[str] = []
    torch = sys.modules.get("torch")
    folder, errors = os.getcwd(), np.geterr()
    if torch:
        gradients, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    try:
        yield changed
    finally:
        if torch and torch.is_grad_enabled() != gradients:
            changed.append(f"torch's gradients are switched {'off' if gradients else 'on'}")
            torch.set_grad_enabled(gradients)
        if torch and torch.get_default_dtype() != dtype:
            changed.append("torch's default number type is another")
            torch.set_default_dtype(dtype)
        if np.geterr() != errors:
            np.seterr(**errors)
        with contextlib.suppress(OSError):
            if os.getcwd() != folder:
                os.chdir(folder)
