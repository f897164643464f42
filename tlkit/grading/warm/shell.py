"""An IPython shell without a front end: cells run in it, and what they show goes out as messages."""

import base64
import io
import sys
from collections.abc import Callable
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Any as AnyTrait
from traitlets import Type
from traitlets.config import Config

_CHUNK = 8_000


class Stream(io.TextIOBase):
    """stdout or stderr, sent in chunks."""

    encoding = "utf-8"

    def __init__(self, name: str, put: Callable[[dict], None]):
        self.name, self._put, self._waiting, self._length = name, put, [], 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        text = str(text)
        self._waiting.append(text)
        self._length += len(text)
        if self._length > _CHUNK:
            self.flush()
        return len(text)

    def flush(self) -> None:
        text, self._waiting, self._length = "".join(self._waiting), [], 0
        for start in range(0, len(text), 1_000_000):
            self._put({"output_type": "stream", "name": self.name, "text": text[start:start + 1_000_000]})


class _Publisher(DisplayPublisher):
    """Displays, sent as nbformat's outputs."""

    put = AnyTrait()

    def publish(self, data, metadata=None, source=None, *, transient=None, update=False, **keywords):
        if not update:
            self.put({"output_type": "display_data", "data": mimebundle(data), "metadata": {}})

    def clear_output(self, wait=False):
        pass


class _Hook(DisplayHook):
    """Results of cells, sent as nbformat's outputs."""

    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.display_pub.put({"output_type": "execute_result", "data": mimebundle(format_dict), "metadata": {},
                                    "execution_count": None})


class Shell(InteractiveShell):
    """The shell of a warm kernel; the parent makes it, a fork uses it."""

    displayhook_class = Type(_Hook)
    display_pub_class = Type(_Publisher)

    def speak(self, put: Callable[[dict], None]) -> None:
        """Send everything that is shown from now on to `put`."""
        self.display_pub.put = put
        sys.stdout, sys.stderr = Stream("stdout", put), Stream("stderr", put)

    def run(self, source: str) -> Any:
        """Run a cell; its `ExecutionResult`, once everything that it showed is sent."""
        result = self.run_cell(source, store_history=False)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        return result

    def _showtraceback(self, kind, value, lines):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self.display_pub.put({"output_type": "error", "ename": str(getattr(kind, "__name__", kind)), "evalue": str(value),
                              "traceback": [str(line) for line in lines]})

    def ask_exit(self):
        pass


def new_shell() -> Shell:
    """The one shell of this process; without history, whose thread a fork would not take along."""
    settings = Config()
    settings.HistoryManager.enabled = False
    settings.InteractiveShell.colors = "nocolor"
    settings.InteractiveShell.banner1 = ""
    return Shell.instance(config=settings)


def mimebundle(data: dict) -> dict[str, Any]:
    """Formats of a display as JSON holds them."""
    return {str(kind): base64.b64encode(value).decode() if isinstance(value, bytes) else value if isinstance(value, str)
            else repr(value) for kind, value in data.items()}
