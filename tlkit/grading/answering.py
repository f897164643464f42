"""The learner's side of the narrow interface: what the checks ask about names, answered in plain data.

Objects that do not cross are kept here, and the checks get a number for them (a handle).
"""

from typing import Any

from tlkit.exercises.record import load_function
from tlkit.grading.crossing import MAX_NAME, Packer, Unpacker, pack_observation
from tlkit.grading.encoding import decode, encode
from tlkit.grading.observation import Failure, Observation, Opaque
from tlkit.grading.reach import Forbidden
from tlkit.grading.session import other_dice, put_right, remember
from tlkit.grading.subject import LocalSubject

MAX_HANDLES = 10_000


class Answering:
    """Answers questions about the names in a namespace."""

    def __init__(self, namespace: dict[str, Any]):
        self.namespace = namespace
        self.handles: list[Any] = []
        self._forbidden: dict[tuple, Forbidden] = {}
        self._is_pristine = False

    def answer(self, about: dict[str, Any], numbers: bytes) -> tuple[Any, bytes]:
        """The answer to one question, and the numbers behind it."""
        packer = Packer()
        if "name" in about and about["name"] not in self.namespace:
            return {"missing": True}, b""
        try:
            if not self._is_pristine:  # a process that is asked once runs no more cells
                put_right()
                remember()
                self._is_pristine = True
            return getattr(self, f"_{about['what']}")(about, numbers, packer), packer.numbers
        except (Exception, SystemExit, GeneratorExit) as error:
            failure = Failure.of(error)
            return {"raised": [type(error).__name__[:MAX_NAME], failure.type_name, failure.message]}, b""

    def _subject(self, about: dict[str, Any]) -> LocalSubject:
        key = tuple(about.get("forbidden", ())), tuple(about.get("allowed", ()))
        if key not in self._forbidden:
            self._forbidden[key] = Forbidden(*key)
        given = {name: load_function(address) for name, address in about.get("given", {}).items()}
        return LocalSubject(self.namespace, about["name"], given, about.get("seconds", 10.0), self._forbidden[key],
                            shares_process=False)

    def _value(self, about: dict, numbers: bytes, packer: Packer) -> Any:
        return {"value": packer.pack(self._subject(about).value())}

    def _mentions(self, about: dict, numbers: bytes, packer: Packer) -> Any:
        return {"value": self._subject(about).mentions()}

    def _surroundings(self, about: dict, numbers: bytes, packer: Packer) -> Any:
        return {"value": self._subject(about).surroundings()}

    def _observe(self, about: dict, numbers: bytes, packer: Packer) -> Any:
        unpacker = Unpacker(numbers, from_answer=False)
        arguments, upstream = unpacker.unpack(about["arguments"]), decode(unpacker.unpack(about["upstream"]))
        subject = self._subject(about)
        if about.get("other_dice"):
            with other_dice():
                seen = subject.observe(about["action"], arguments, upstream)
        else:
            seen = subject.observe(about["action"], arguments, upstream)
        content = pack_observation(seen, packer)
        if packer.length > (60 << 20):
            packer.parts.clear()
            content = pack_observation(Observation(Opaque("very large value"), failure=seen.failure), packer)
        return {"seen": content}

    def _get(self, about: dict, numbers: bytes, packer: Packer) -> Any:
        """A name, an attribute of a handle, or what a call of either returns: plain, or as a handle."""
        found = self.handles[about["handle"]] if "handle" in about else self.namespace[about["name"]]
        for name in about.get("path", ()):
            found = getattr(found, name)
        if "arguments" in about:
            unpacker = Unpacker(numbers, from_answer=False)
            arguments, keywords = unpacker.unpack(about["arguments"]), unpacker.unpack(about["keywords"])
            found = found(*map(self._given, arguments), **{name: self._given(value) for name, value in keywords.items()})
        encoded = encode(found)
        if not _holds_objects(encoded):
            return {"value": packer.pack(encoded)}
        if len(self.handles) >= MAX_HANDLES:
            raise MemoryError("too many objects")
        self.handles.append(found)
        return {"handle": len(self.handles) - 1, "type": type(found).__name__[:MAX_NAME], "callable": callable(found)}

    def _given(self, value: Any) -> Any:
        if type(value) is Opaque and value.type_name.startswith("handle "):
            return self.handles[int(value.type_name.removeprefix("handle "))]
        return decode(value)


def _holds_objects(encoded: Any) -> bool:
    if isinstance(encoded, Opaque):
        return True
    if type(encoded) in (list, tuple):
        return any(map(_holds_objects, encoded))
    return type(encoded) is dict and any(map(_holds_objects, encoded.values()))
