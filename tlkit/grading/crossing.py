"""Encoded values (tlkit.grading.encoding) as JSON and raw numbers, and back: what may cross between two processes.

What comes from an answer is looked at before anything is made of it: types, sizes, depth, lengths. A plain value stands
for itself, everything else is a JSON object with one key that says what it is.
"""

import math
from typing import Any

import numpy as np

from tlkit.exercises.recipe import Recipe, Step
from tlkit.grading.encoding import MAX_DEPTH, MAX_ELEMENTS, MAX_INTEGER_BITS, MAX_ITEMS, decode, encode
from tlkit.grading.observation import Array, Expression, Failure, Observation, Opaque

DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
          "float64", "complex64", "complex128")
MAX_TEXT = 200_000
MAX_NAME = 200
MAX_ENTRIES = 2_500
MAX_AXES = 32
MAX_VALUES = 200_000
_STATES = ("python", "numpy", "torch")


class NotAllowed(Exception):
    """What came is nothing that may cross."""


class Packer:
    """Turns encoded values into plain JSON values; `numbers` collects the arrays' bytes."""

    def __init__(self):
        self.parts: list[bytes] = []
        self.length = 0

    @property
    def numbers(self) -> bytes:
        return b"".join(self.parts)

    def pack(self, value: Any) -> Any:
        """An encoded value for JSON."""
        kind = type(value)
        if value is None or kind in (bool, int, float):
            return value
        if kind is str:
            return value[:MAX_TEXT].encode("utf-8", "replace").decode()
        if value is Ellipsis:
            return {"...": 0}
        if kind is list:
            return [self.pack(item) for item in value]
        if kind is tuple:
            return {"tuple": [self.pack(item) for item in value]}
        if kind is dict:
            return {"dict": [[self.pack(key), self.pack(item)] for key, item in value.items()]}
        if kind is Array:
            return self._array(value)
        if kind is Opaque:
            return {"opaque": [str(value.type_name)[:MAX_NAME], bool(value.is_callable)]}
        if kind is Expression:
            return {"expression": value.text[:MAX_TEXT]}
        if kind is Recipe:
            return {"recipe": [value.builder, value.name, value.seed, self._encoded(value.options)]}
        if kind is Step:
            return {"step": [value.do, self._encoded(value.arguments), self._encoded(value.keywords)]}
        return {"opaque": [kind.__name__[:MAX_NAME], callable(value)]}

    def _encoded(self, value: Any) -> Any:
        """What a record holds as it is; recipes inside are recipes again on the other side."""
        if type(value) is dict:
            return {"dict": [[key, self._encoded(item)] for key, item in value.items()]}
        if type(value) is tuple:
            return {"tuple": [self._encoded(item) for item in value]}
        if type(value) is list:
            return [self._encoded(item) for item in value]
        return self.pack(encode(value))

    def _array(self, value: Array) -> Any:
        if value.data.dtype.name not in DTYPES:
            return {"opaque": [f"array of {value.data.dtype.name}"[:MAX_NAME], False]}
        content = np.ascontiguousarray(value.data).astype(value.data.dtype.newbyteorder("<"), copy=False).tobytes()
        self.parts.append(content)
        self.length += len(content)
        return {"array": [value.data.dtype.name, list(value.data.shape), self.length - len(content), value.library,
                          bool(value.requires_grad), value.dtype or value.data.dtype.name, value.device]}


class Unpacker:
    """Turns what came back into encoded values, and refuses what cannot be one.

    Args:
        numbers: the bytes that came behind the JSON.
        from_answer: whether a learner's process sent it; recipes and steps only ever go the other way.
    """

    def __init__(self, numbers: bytes, from_answer: bool = True):
        self.numbers, self.from_answer, self.count, self.taken = numbers, from_answer, 0, 0

    def unpack(self, value: Any, depth: int = 0) -> Any:
        """The encoded value.

        Raises:
            NotAllowed: it is none, is too large or too deep.
        """
        self.count += 1
        if self.count > MAX_VALUES or depth > MAX_DEPTH + (3 if self.from_answer else 10):
            raise NotAllowed("too large or too deep")
        kind = type(value)
        if value is None or kind in (bool, float):
            return value
        if kind is int:
            return value if value.bit_length() <= MAX_INTEGER_BITS else Opaque("very long int")
        if kind is str:
            return _text(value, MAX_TEXT)
        if kind is list:
            return self._items(value, depth)
        if kind is not dict or len(value) != 1:
            raise NotAllowed("an object without a kind")
        (name, content), = value.items()
        if name not in ("...", "tuple", "dict", "array", "opaque", "expression", "recipe", "step"):
            raise NotAllowed(f"an object of kind {name[:MAX_NAME]!r}")
        return Ellipsis if name == "..." else getattr(self, f"_{name}")(content, depth)

    def _items(self, content: Any, depth: int) -> list:
        if type(content) is not list or len(content) > MAX_ITEMS:
            raise NotAllowed("a list that is none, or is too long")
        return [self.unpack(item, depth + 1) for item in content]

    def _tuple(self, content: Any, depth: int) -> tuple:
        return tuple(self._items(content, depth))

    def _dict(self, content: Any, depth: int) -> dict:
        if type(content) is not list or len(content) > MAX_ITEMS:
            raise NotAllowed("a dict that is none, or is too large")
        made = {}
        for pair in content:
            if type(pair) is not list or len(pair) != 2 or type(pair[0]) not in (str, int, float, bool):
                raise NotAllowed("a key that is no plain value")
            key = _text(pair[0], MAX_NAME * 10) if type(pair[0]) is str else pair[0]
            made[key] = self.unpack(pair[1], depth + 1)
        return made

    def _array(self, content: Any, depth: int) -> Array:
        if type(content) is not list or [type(part) for part in content] != [str, list, int, str, bool, str, str]:
            raise NotAllowed("an array that is none")
        dtype, shape, start, library, requires_grad, name, device = content
        if dtype not in DTYPES or library not in ("numpy", "torch") or len(shape) > MAX_AXES:
            raise NotAllowed("an array of another sort")
        if not all(type(length) is int and 0 <= length <= MAX_ELEMENTS for length in shape):
            raise NotAllowed("an array of a shape that there is not")
        count, size = math.prod(shape), np.dtype(dtype).itemsize
        self.taken += count * size  # arrays that share their numbers would be more than was sent
        if count > MAX_ELEMENTS or start < 0 or start + count * size > len(self.numbers) or self.taken > len(self.numbers):
            raise NotAllowed("an array without its numbers")
        data = np.frombuffer(self.numbers, np.dtype(dtype).newbyteorder("<"), count, start).astype(dtype).reshape(shape)
        if dtype == "bool":
            data = np.frombuffer(self.numbers, np.uint8, count, start).astype(bool).reshape(shape)
        return Array(data, library, requires_grad, _text(name, 40), _text(device, 40))

    def _opaque(self, content: Any, depth: int) -> Opaque:
        if type(content) is not list or [type(part) for part in content] != [str, bool]:
            raise NotAllowed("an object that is none")
        return Opaque(printable(_text(content[0], MAX_NAME)), content[1])

    def _expression(self, content: Any, depth: int) -> Expression:
        return Expression(_text(content, MAX_TEXT))

    def _recipe(self, content: Any, depth: int) -> Recipe:
        self._refuse_from_answer()
        builder, name, seed, options = content
        return Recipe(builder, name, seed, self._decoded(options, depth))

    def _step(self, content: Any, depth: int) -> Step:
        self._refuse_from_answer()
        do, arguments, keywords = content
        return Step(do, self._decoded(arguments, depth), self._decoded(keywords, depth))

    def _decoded(self, content: Any, depth: int) -> Any:
        return decode(self.unpack(content, depth + 1))

    def _refuse_from_answer(self) -> None:
        if self.from_answer:
            raise NotAllowed("a recipe from an answer")


def pack_observation(observation: Observation, packer: Packer) -> dict[str, Any]:
    """An observation for JSON."""
    failure = observation.failure
    return {
        "value": packer.pack(observation.value),
        "after": packer.pack(tuple(observation.arguments_after)),
        "failure": failure and [failure.type_name[:MAX_NAME], failure.message[:500], failure.line, failure.on_purpose],
        "output": observation.output, "moved": list(observation.moved_random_states), "seconds": observation.seconds,
        "gradients": packer.pack(observation.gradients), "trace": list(observation.trace),
        "left_behind": list(observation.left_behind), "reached": list(observation.reached)[:20],
    }


def unpack_observation(content: Any, numbers: bytes, seconds: float) -> Observation:
    """The observation that came from an answer's process.

    Args:
        seconds: how long it took by our own clock.
    Raises:
        NotAllowed: it is none.
    """
    if type(content) is not dict:
        raise NotAllowed("no observation")
    unpacker = Unpacker(numbers)
    after, gradients = unpacker.unpack(content.get("after")), unpacker.unpack(content.get("gradients"))
    if type(after) is not tuple or not (gradients is None or type(gradients) in (tuple, Opaque)):
        raise NotAllowed("no observation")
    return Observation(
        unpacker.unpack(content.get("value")), after, _failure(content.get("failure")),
        printable(_text(content.get("output"), 4_000)),
        tuple(name for name in _texts(content.get("moved"), 3) if name in _STATES), seconds, gradients,
        _texts(content.get("trace"), MAX_ENTRIES), _texts(content.get("left_behind"), 20), _texts(content.get("reached"), 20),
    )


def _failure(content: Any) -> Failure | None:
    if content is None:
        return None
    if type(content) is not list or len(content) != 4 or type(content[3]) is not bool:
        raise NotAllowed("no failure")
    line = content[2] if type(content[2]) is int and 0 <= content[2] < 1_000_000 else None
    return Failure(printable(_text(content[0], MAX_NAME)), printable(_text(content[1], 500)), line, content[3])


def _texts(content: Any, most: int) -> tuple[str, ...]:
    if type(content) is not list or len(content) > most:
        raise NotAllowed("no list of texts")
    return tuple(printable(_text(item, 500)) for item in content)


def _text(content: Any, most: int) -> str:
    if type(content) is not str or len(content) > most:
        raise NotAllowed("no text, or one that is too long")
    return content


def printable(text: str) -> str:
    """The text without characters that steer a terminal or turn the direction of writing."""
    return "".join(character for character in text if character in "\n\t" or character.isprintable())
