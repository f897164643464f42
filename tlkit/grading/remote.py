"""An answer in another process, seen from the checks' side: only plain data comes back, and it is looked at first."""

import ast
import builtins
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from tlkit.errors import TlkitError
from tlkit.exercises.record import Exercise, Quiz
from tlkit.grading.crossing import NotAllowed, Packer, Unpacker, printable, unpack_observation
from tlkit.grading.encoding import decode, encode
from tlkit.grading.observation import Failure, Observation, Opaque
from tlkit.grading.reach import Forbidden
from tlkit.grading.shortcuts import imports_in, shortcut_in

Ask = Callable[[dict[str, Any], bytes], tuple[Any, bytes]]
"""(question, numbers) -> (answer, numbers), by way of whoever stands between the two processes."""

GONE = "KernelGone"


class AnswerError(TlkitError):
    """The answer's process raised, or sent something that may not cross."""


class RemoteSubject:
    """A learner's answer in another process; what `tlkit.grading.subject.Subject` says.

    Args:
        record: of the exercise.
        ask: how its process is asked.
        sources: the notebook's code cells up to the check, as they were run.
    """

    is_ours = False

    def __init__(self, record: Exercise | Quiz, ask: Ask, sources: list[str],
                 seconds_per_call: float = 10.0):
        self.record, self.ask, self.sources = record, ask, sources
        self._other_dice = False
        self._about: dict[str, Any] = {"name": record.name, "seconds": seconds_per_call}
        self._forbidden = Forbidden()
        if isinstance(record, Exercise):
            addresses = (record.reference, *record.shortcuts)
            self._about |= {"given": record.given, "forbidden": addresses, "allowed": record.allowed}
            self._forbidden = Forbidden(addresses, record.allowed)

    def value(self) -> Any:
        content, numbers = self._asked("value")
        if content.get("missing"):
            raise KeyError(self.record.name)
        if "value" not in content:
            return Opaque("object")
        return Unpacker(numbers).unpack(content["value"])

    def source(self) -> str | None:
        """From the cells that were run, so that no process can tell another one."""
        for source in reversed(self.sources):
            with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                for node in reversed(ast.parse(source).body):
                    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == self.record.name:
                        return ast.get_source_segment(source, node)
                    if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == self.record.name
                                                           for target in node.targets):
                        return ast.get_source_segment(source, node)
        return None

    def mentions(self) -> str | None:
        """What the source mentions, read here; then what the other process says of the object."""
        source = self.source()
        found = shortcut_in(self._forbidden, None, self._imported(), source) if source else None
        if found is None:
            content, _ = self._asked("mentions")
            found = content.get("value")
        return printable(found)[:200] if type(found) is str else None

    def surroundings(self) -> dict[str, str]:
        content, _ = self._asked("surroundings")
        found = content.get("value")
        if type(found) is not dict or len(found) > 50:
            return {}
        return {printable(name)[:100]: printable(meaning)[:100] for name, meaning in found.items()
                if type(meaning) is str}

    @contextlib.contextmanager
    def other_dice(self) -> Iterator[None]:
        self._other_dice = True
        try:
            yield
        finally:
            self._other_dice = False

    def observe(self, action: str, arguments: tuple, upstream: Any = None) -> Observation:
        packer, started = Packer(), time.perf_counter()
        about = {"action": action, "arguments": packer.pack(arguments), "upstream": packer.pack(encode(upstream)),
                 "other_dice": self._other_dice}
        content, numbers = self._asked("observe", about, packer.numbers)
        seconds = time.perf_counter() - started
        if "gone" in content:
            kind = "TimeLimit" if content.get("late") else "MemoryError" if content.get("memory") else GONE
            return Observation(None, (), Failure(kind, printable(str(content["gone"]))), seconds=seconds)
        if "seen" not in content:
            raised = content.get("raised")
            return Observation(None, (), Failure("Exception", printable(str(raised))[:200]), seconds=seconds)
        try:
            return unpack_observation(content["seen"], numbers, seconds)
        except NotAllowed as error:
            return Observation(None, (), Failure("Exception", f"what came back may not cross: {error}"), seconds=seconds)

    def _asked(self, what: str, more: dict[str, Any] | None = None, numbers: bytes = b"") -> tuple[dict, bytes]:
        content, numbers = self.ask({"what": what} | self._about | (more or {}), numbers)
        if type(content) is not dict:
            raise AnswerError("what the answer's process sent is no reply")
        return content, numbers

    def _imported(self) -> dict[str, Any]:
        bound: dict[str, Any] = {}
        for source in self.sources:
            with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                bound |= imports_in(ast.parse(source))
        return bound


class RemoteObject:
    """A learner's object, or name, for graded cells that hold code of their own: calls and attributes by name.

    What is plain comes back as a value, everything else as another RemoteObject. It equals nothing but itself.
    """

    def __init__(self, ask: Ask, about: dict[str, Any], type_name: str = "function"):
        object.__setattr__(self, "_ask", ask)
        object.__setattr__(self, "_of", about)
        object.__setattr__(self, "_type_name", type_name)

    def __repr__(self) -> str:
        return f"<the learner's {self._type_name}>"

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        packer = Packer()
        about = {"arguments": packer.pack(tuple(map(_outward, arguments))),
                 "keywords": packer.pack({name: _outward(value) for name, value in keywords.items()})}
        return fetched(self._ask, self._of | about, packer.numbers)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return fetched(self._ask, self._of | {"path": [*self._of.get("path", ()), name]})

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a learner's object is not changed from here")


def fetched(ask: Ask, about: dict[str, Any], numbers: bytes = b"") -> Any:
    """What a question about a name or handle brings: a plain value or a RemoteObject.

    Raises:
        AnswerError: it raised there, is gone, or may not cross.
        NameError: the name is not defined.
    """
    content, numbers = ask({"what": "get"} | about, numbers)
    if type(content) is not dict:
        raise AnswerError("what the answer's process sent is no reply")
    if content.get("missing"):
        raise NameError(f"name {about.get('name')!r} is not defined")
    if type(content.get("handle")) is int:
        return RemoteObject(ask, {"handle": content["handle"]}, printable(str(content.get("type")))[:100])
    if "value" in content:
        try:
            return decode(Unpacker(numbers).unpack(content["value"]))
        except NotAllowed as error:
            raise AnswerError(f"what came back may not cross: {error}") from None
    if type(content.get("raised")) is list and len(content["raised"]) == 3:
        _raise_alike(*map(str, content["raised"]))
    raise AnswerError(printable(str(content.get("gone", "what the answer's process sent is no reply")))[:500])


def _raise_alike(name: str, builtin: str, message: str) -> None:
    """Raise what was raised over there, so that a test for the exception's type works."""
    kind = getattr(builtins, builtin, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        raise kind(printable(message)[:500])
    raise AnswerError(f"{printable(name)[:100]}: {printable(message)[:500]}")


def _outward(value: Any) -> Any:
    return Opaque(f"handle {value._of['handle']}") if isinstance(value, RemoteObject) and "handle" in value._of else encode(value)
