"""The copies that a learner works in: `work/NN_name/`, beside which nothing is ever overwritten."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from tlkit.course.answers import carry
from tlkit.course.units import Unit, find_unit, is_checkout, release_of, released_folder, units
from tlkit.errors import TlkitError
from tlkit.files import write_text


def work_folder(start: Path | None = None) -> Path:
    """Where copies live: `work/` of the checkout that `start` lies in, else `work/` in `start` itself.

    A `start` that lies within a `work/` with units in it means that one.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if folder.name == "work" and any(folder.glob("[0-9][0-9]_*")):
            return folder
        if is_checkout(folder):
            return folder / "work"
    return start / "work"


def copy_missing(work: Path, released: Path | None = None) -> list[str]:
    """Copy every released unit that is not yet in `work`; what is there stays as it is.

    Returns:
        What a learner should know, one line each: a newer release, a copy that is no notebook.
    Raises:
        TlkitError: no released units, or the folder cannot be written.
    """
    known = units(released)
    if not known:
        raise TlkitError(f"no units in {released or released_folder()}; in a checkout `tlkit build` makes them")
    with _one_line(work):
        work.mkdir(parents=True, exist_ok=True)
        for unit in known:
            if not (work / unit.name).exists():
                _place(unit, work / unit.name)
    return [line for unit in known for line in _news(unit, work)]


def reset(name: str, work: Path | None = None, released: Path | None = None) -> str:
    """Put a fresh copy of a unit in place; the learner's copy is kept under its name and the time of day.

    Returns:
        One line that says where the old copy is.
    Raises:
        TlkitError: unknown unit, or the folder cannot be written; the learner's copy is then where it was.
    """
    work, unit = work or work_folder(), find_unit(name, released)
    current = work / unit.name
    with _one_line(work):
        work.mkdir(parents=True, exist_ok=True)
        if not current.exists():
            _place(unit, current)
            return f"{current} is new; there was no copy to keep"
        kept = _unused(work / f"{unit.name}.{datetime.now():%Y-%m-%dT%H%M%S}")
        current.rename(kept)
        try:
            _place(unit, current)
        except BaseException:
            kept.rename(current)
            raise
    return f"{current} is fresh; your earlier copy is {kept}"


def update(name: str, carry_answers: bool = False, work: Path | None = None, released: Path | None = None) -> str:
    """Put the released unit beside the copy under way, with the learner's answers in it if that is wished.

    Returns:
        Lines that say where it is and, for each answer that could not be carried over, why.
    Raises:
        TlkitError: unknown unit, a copy that is no notebook (where answers are wanted), or a folder that is there.
    """
    work, unit = work or work_folder(), find_unit(name, released)
    current = work / unit.name
    if not current.exists():
        copy_missing(work, released)
        return f"{current} is new; there was no earlier copy"
    if not _is_older(unit, current):
        return f"{current} is the newest release"
    beside = work / f"{unit.name}.{unit.release}"
    if beside.exists():
        raise TlkitError(f"{beside} is there already; rename it and run this again for another copy of the release")
    contents, report = {}, []
    if carry_answers:
        for notebook in unit.notebooks:
            if (current / notebook.name).exists():
                text, lines = carry(current / notebook.name, notebook)
                contents[notebook.name] = text
                report += lines
    with _one_line(work):
        _place(unit, beside, contents)
    return "\n".join([f"{beside} is the newest release; your copy {current} is as it was", *report])


def _place(unit: Unit, target: Path, contents: dict[str, str] | None = None) -> None:
    """Copy a unit to a folder that does not exist yet: it appears whole, or not at all."""
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        aside.chmod(0o755)
        shutil.copytree(unit.folder, aside, dirs_exist_ok=True, copy_function=_copy_file,
                        ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        for name, text in (contents or {}).items():
            write_text(aside / name, text)
        if target.exists():
            raise FileExistsError(17, "is there already", str(target))
        aside.rename(target)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _copy_file(source: Path, target: Path, **_: object) -> None:
    """Content without permissions: what is released read-only must still be writable for the learner."""
    shutil.copyfile(source, target)


def _is_older(unit: Unit, current: Path) -> bool:
    """Whether a copy is of another release, or is no longer a notebook that could say so."""
    try:
        return any(release_of(current / notebook.name) != unit.release for notebook in unit.notebooks)
    except TlkitError:
        return True


def _news(unit: Unit, work: Path) -> list[str]:
    current = work / unit.name
    for notebook in unit.notebooks:
        try:
            release = release_of(current / notebook.name)
        except TlkitError as error:
            return [f"{error}. `tlkit reset {unit.number}` keeps it under another name and starts afresh"]
        if release != unit.release:
            beside = work / f"{unit.name}.{unit.release}"
            if beside.exists():
                return [f"the newest release of {unit.name} is in {beside}"]
            return [f"there is a newer release of {unit.name}; `tlkit update {unit.number} --carry-answers` puts it "
                    "beside yours, with your answers"]
    return []


def _unused(path: Path) -> Path:
    """The path, or the path with a number behind it if something has that name."""
    candidate, number = path, 2
    while candidate.exists():
        candidate, number = path.with_name(f"{path.name}-{number}"), number + 1
    return candidate


@contextlib.contextmanager
def _one_line(work: Path) -> Iterator[None]:
    """An error of the file system becomes one line that says what is and is not changed."""
    try:
        yield
    except (OSError, shutil.Error) as error:
        if isinstance(error, shutil.Error):  # a list of (source, target, reason)
            where, reason = error.args[0][0][1:]
        else:
            where, reason = error.filename or work, error.strerror or error
        raise TlkitError(f"{where}: {reason}; tlkit must write to {work}, and nothing of yours was changed") from error
