"""A class's secret, from which the seeds of its hidden cases follow.

The exercises and their shown cases are public. What a class keeps for itself is a few random characters in a file: with
another secret the hidden cases have other values and sizes, with the same secret they are the same for every learner and
at every regrade.

The secret is read on the grading host and goes no further. A kernel, also the trusted one, gets the seeds of the
exercises that it judges, from which nobody comes back to the secret. It is a file and never an environment variable, since
every kernel inherits the environment.
"""

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import NoReturn

from tlkit.errors import TlkitError

NAME = "class-secret"
ELSEWHERE = "TLKIT_CLASS_SECRET_FILE"
"""The environment variable that may hold the path of the file, where that is not `class-secret` in the course's root."""

MIN_CHARACTERS = 32


class ClassSecret:
    """A secret that shows itself nowhere: not when it is printed, and not in JSON or a pickle."""

    def __init__(self, text: str):
        self._key = text.encode()

    def seeds(self, exercise_id: str, count: int = 1) -> tuple[int, ...]:
        """The seeds of an exercise's hidden cases: HMAC-SHA256(secret, "hidden cases:<id>:<number>"), 63 bits of it.

        Args:
            count: how many draws of cases there are; the first ones stay the same where there are more.
        """
        return tuple(int.from_bytes(hmac.digest(self._key, f"hidden cases:{exercise_id}:{number}".encode(), hashlib.sha256)[:8],
                                    "big") >> 1 for number in range(count))

    def __repr__(self) -> str:
        return "<the class's secret>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a class's secret stays in the process that read it; pass seeds on instead")


def secret_path(root: Path) -> Path:
    """Where a class's secret is kept: the file that TLKIT_CLASS_SECRET_FILE names, else `class-secret` in the root."""
    return Path(os.environ.get(ELSEWHERE) or Path(root) / NAME)


def read_secret(root: Path) -> ClassSecret | None:
    """The secret of the class whose course is in `root`, or None where it has none.

    Raises:
        TlkitError: the file cannot be read, others than its owner can read it, or it is too short to be a secret.
    """
    path = secret_path(root)
    try:
        status = path.stat()
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        if os.environ.get(ELSEWHERE):
            raise TlkitError(f"{ELSEWHERE} names {path}, and there is no such file") from error
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise TlkitError(f"the class's secret {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if os.name == "posix" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise TlkitError(f"the class's secret {path} can be opened by others than its owner; `chmod 600 {path}` mends that, "
                         "and if others may have read it, delete it and make another with `tlkit secret`")
    if len(text) < MIN_CHARACTERS:
        raise TlkitError(f"the class's secret {path} has {len(text)} characters, and at least {MIN_CHARACTERS} are due; "
                         "delete it, and `tlkit secret` makes one")
    return ClassSecret(text)


def make_secret(root: Path) -> Path:
    """Make a secret for a class and return its file, which only its owner can read.

    Raises:
        TlkitError: there is one already, or the file cannot be written.
    """
    path = secret_path(root)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
    except FileExistsError as error:
        raise TlkitError(f"{path} is there already; with another secret the hidden cases of submissions that are graded "
                         "would change, so delete it only between classes") from error
    except OSError as error:
        raise TlkitError(f"{path} cannot be written: {error.strerror or error}") from error
    return path
