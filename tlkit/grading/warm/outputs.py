"""What a kernel sends of a cell's outputs, and how much of it is kept."""

from typing import Any

from nbformat import NotebookNode, v4

from tlkit.grading.kernel import Limits
from tlkit.grading.warm import wire

PER_MESSAGE = 300
"""Bytes that a message counts beside its content, be it ever so short."""

_STREAMS = ("stdout", "stderr")


class Kept:
    """Which outputs of a cell are kept."""

    def __init__(self, limits: Limits):
        self.limits, self.sent, self.kept = limits, 0, 0

    @property
    def is_over(self) -> bool:
        return self.sent > self.limits.sent_bytes

    def add(self, message: wire.Message, outputs: list[NotebookNode]) -> None:
        size = PER_MESSAGE + len(message.text) + len(message.numbers)
        self.sent += size
        room = self.limits.kept_bytes - self.kept
        if room <= 0:
            return
        try:
            output = output_of(message.content())
        except wire.Refused:
            return
        if output is None:
            return
        if size > room and not (output.output_type in ("execute_result", "error") and size <= 20_000):
            output = v4.new_output("stream", name="stdout",
                                   text=f"{output.get('text', '')[:room]}\n... the rest is dropped ...\n")
            size = room
        self.kept += size
        last = outputs[-1] if outputs else None
        if last is not None and last.output_type == output.output_type == "stream" and last.name == output.name:
            last.text += output.text
        else:
            outputs.append(output)


def output_of(content: Any) -> NotebookNode | None:
    """An output as nbformat has it, of what a kernel sent; None where it is none."""
    if not isinstance(content, dict):
        return None
    kind = content.get("output_type")
    if kind == "stream" and content.get("name") in _STREAMS and isinstance(content.get("text"), str):
        return v4.new_output("stream", name=content["name"], text=_whole(content["text"]))
    if kind == "error" and isinstance(content.get("traceback"), list):
        return v4.new_output("error", ename=_whole(str(content.get("ename"))), evalue=_whole(str(content.get("evalue"))),
                             traceback=[_whole(str(line)) for line in content["traceback"][:200]])
    if kind in ("display_data", "execute_result") and isinstance(content.get("data"), dict):
        data = {_whole(str(name))[:100]: _whole(value) for name, value in content["data"].items() if isinstance(value, str)}
        more = {"execution_count": None} if kind == "execute_result" else {}
        return v4.new_output(kind, data=data, **more)
    return None


def _whole(text: str) -> str:
    """The text without halves of characters, which cannot be written to a file."""
    return text.encode("utf-8", "replace").decode()
