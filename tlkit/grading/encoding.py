"""Values to plain data and back. The same encoding serves an answer in this kernel and one in another process."""

import copy
import dataclasses
import sys
from typing import Any

import numpy as np

from tlkit.exercises.recipe import Recipe, Step
from tlkit.grading.observation import Array, Expression, Opaque

MAX_DEPTH = 8
MAX_ITEMS = 10_000
MAX_ELEMENTS = 10_000_000
MAX_INTEGER_BITS = 4_000

_type_name = type.__dict__["__name__"].__get__  # a metaclass cannot lie about this one


def encode(value: Any, depth: int = 0) -> Any:
    """A value as plain data: None, bool, int, float, str, Array, list, tuple, dict with plain keys, Expression or Opaque.

    Subclasses of built-in types are read through the built-in type, since they may have changed what their
    operators say. A matplotlib figure becomes its data, a dataclass a dict of its fields, and a parameter of a model that
    the answer was given becomes its name there.
    """
    kind = type(value)
    if value is None or value is Ellipsis or kind in (bool, float, str):
        return value
    if kind is int:
        return value if value.bit_length() <= MAX_INTEGER_BITS else Opaque("very long int")
    if kind in (Recipe, Step, Array, Expression):
        return value
    if kind is Opaque and type(value.type_name) is str:  # in what an exercise looks at
        return Opaque(value.type_name, value.is_callable is True)
    if isinstance(value, np.ndarray | np.generic):
        return _encode_numpy(np.ndarray.__array__(value) if isinstance(value, np.ndarray) else np.asarray(value))
    torch = sys.modules.get("torch")
    if torch and isinstance(value, torch.Tensor):
        return held_as(value) or _encode_tensor(torch, value)
    for plain in (float, int, str):
        if isinstance(value, plain) and not _is_enum(kind):
            return encode(getattr(plain, f"__{plain.__name__}__")(value))
    if depth >= MAX_DEPTH:
        return Opaque(_type_name(kind))
    if isinstance(value, list | tuple | range) and len(value) <= MAX_ITEMS:
        base = next(base for base in (list, tuple, range) if isinstance(value, base))
        items = [encode(item, depth + 1) for item in base.__iter__(value)]
        return tuple(items) if base is tuple else items
    if isinstance(value, dict) and len(value) <= MAX_ITEMS:
        return _encode_dict(value, depth)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name), depth + 1) for field in dataclasses.fields(value)}
    return _encode_library_object(value, kind)


def _encode_numpy(value: np.ndarray) -> Any:
    if value.dtype.kind in "biufc" and value.size <= MAX_ELEMENTS:
        return Array(np.array(value), dtype=value.dtype.name)
    if value.dtype.kind in "US" and value.size <= MAX_ITEMS:
        return [str(item) for item in value.ravel().tolist()] if value.ndim else str(value)
    return Opaque(f"array of {value.dtype.name}" if value.size <= MAX_ELEMENTS else "very large array")


def _encode_tensor(torch: Any, value: Any) -> Any:
    if value.numel() > MAX_ELEMENTS:
        return Opaque("very large tensor")
    if value.device.type == "meta" or value.layout != torch.strided:
        return Opaque("tensor without values" if value.device.type == "meta" else "sparse tensor")
    plain = value.detach().cpu()
    name = str(plain.dtype).removeprefix("torch.")
    plain = plain.float() if name in ("bfloat16", "float16") else plain
    return Array(plain.resolve_conj().resolve_neg().numpy().copy(), "torch", bool(value.requires_grad), name,
                 str(value.device))


def held_as(value: Any) -> str | None:
    """Which parameter of a given model a tensor is, as "model: 0.weight", or None: a copy of it is another tensor."""
    mark = vars(value).get("tlkit_held_as") if hasattr(value, "__dict__") else None
    return mark[0] if type(mark) is tuple and len(mark) == 2 and type(mark[0]) is str and mark[1] == id(value) else None


def _encode_dict(value: dict, depth: int) -> Any:
    encoded = {}
    for key, item in dict.items(value):
        key = key.item() if isinstance(key, np.generic) else key
        if type(key) not in (str, int, float, bool):
            return Opaque("dict")
        encoded[key] = encode(item, depth + 1)
    return encoded


def _encode_library_object(value: Any, kind: type) -> Any:
    """What a few libraries' objects hold, as data; only libraries that are loaded can have made one."""
    sympy, figure = sys.modules.get("sympy"), sys.modules.get("matplotlib.figure")
    if sympy and isinstance(value, sympy.Basic):
        return Expression(str(value))
    if figure and (isinstance(value, figure.FigureBase) or hasattr(kind, "get_figure")):
        from tlkit.grading.figures import figure_data

        return encode(figure_data(value))
    pandas = sys.modules.get("pandas")
    if pandas and isinstance(value, pandas.Series | pandas.Index):
        return encode(value.to_numpy())
    return Opaque(_type_name(kind), callable(value))


def _is_enum(kind: type) -> bool:
    return any(base.__module__ == "enum" for base in kind.__mro__)


def decode(value: Any) -> Any:
    """A fresh object from plain data; arrays are copies, so that nothing can be changed behind the engine's back."""
    if isinstance(value, Array):
        if value.library == "torch":
            import torch

            return torch.from_numpy(value.data.copy()).requires_grad_(value.requires_grad)
        return value.data.copy()
    if type(value) in (list, tuple):
        return type(value)(decode(item) for item in value)
    if type(value) is dict:
        return {key: decode(item) for key, item in value.items()}
    return copy.deepcopy(value) if type(value) in (Recipe, Step) else value


def as_plain(value: Any) -> Any:
    """An encoded value with its arrays as numpy arrays, and sequences of numbers as arrays too, ready to compare."""
    if isinstance(value, Array):
        return value.data
    if type(value) in (list, tuple):
        items = [as_plain(item) for item in value]
        if items and all(_is_number(item) for item in items):
            return np.array([np.asarray(item)[()] for item in items])
        return items
    if type(value) is dict:
        return {key: as_plain(item) for key, item in value.items()}
    return value


def plain_copy(value: Any) -> Any:
    """What a value of ours is, in the form in which the engine compares: `as_plain(encode(value))`."""
    return as_plain(encode(value))


def _is_number(value: Any) -> bool:
    return type(value) in (bool, int, float) or isinstance(value, np.ndarray) and value.ndim == 0
