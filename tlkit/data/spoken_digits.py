"""The Free Spoken Digit Dataset: ten digits, six speakers, 8 kHz."""

import hashlib
from pathlib import Path

from filelock import FileLock

from tlkit.data.archives import unpack_tar
from tlkit.data.assembly import to_task
from tlkit.data.downloads import cache_folder, fetch, given_folder
from tlkit.data.folders import Files
from tlkit.data.reading import Reading
from tlkit.data.sound import read_wav
from tlkit.data.task import Task
from tlkit.errors import TlkitError

ADDRESS = (
    "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/26eb9aaf76e81b692f806f9140c2d2777410d7a1.tar.gz"
)
CONTENT = "1801eae019c063377d98f831d3f93574f259475df7332bb0e3d1b080fb5e6959"
FOLDER = "fsdd"
RECORDINGS = 3000


def load() -> Task:
    """Recordings of single digits; those with index 0 to 4 are the official test part, a fifth of the rest is val.

    Every speaker is in every split, and stands in `groups`.
    """
    folder, notes = _find_or_fetch()
    names = sorted(path.name for path in folder.glob("*.wav"))
    parts = [name.removesuffix(".wav").split("_") for name in names]
    if odd := [name for name, part in zip(names, parts, strict=True) if len(part) != 3 or not part[2].isdigit()]:
        raise TlkitError(f"{folder / odd[0]} is not named digit_speaker_index.wav as the others are")
    if not names:
        raise TlkitError(f"{folder} holds no wav files")
    files = Files(folder, read_wav)
    for name in names:
        files.append(name)
    # The index decides: the same recordings are in the same split, however many of them there are.
    splits = ["test" if int(index) < 5 else "val" if int(index) % 5 == 0 else "train" for _, _, index in parts]
    reading = Reading(
        "classification", "sound", files, [digit for digit, _, _ in parts], splits, [one[1] for one in parts], notes
    )
    return to_task(
        reading,
        "spoken_digits",
        {},
        seed=0,
        licence="CC BY-SA 4.0",
        source=ADDRESS,
        citation="Jackson et al., Free Spoken Digit Dataset",
        description="digits spoken by six people, 8 kHz",
    )


def _find_or_fetch() -> tuple[Path, list[str]]:
    given = given_folder()
    if given and (given / FOLDER).is_dir():
        count = sum(1 for _ in (given / FOLDER).glob("*.wav"))
        return given / FOLDER, [
            f"{count:,} of the {RECORDINGS:,} published recordings are here"
        ] if count != RECORDINGS else []
    folder = cache_folder() / FOLDER
    if not folder.is_dir():
        archive = fetch(
            ADDRESS, cache_folder() / "fsdd.tar.gz", None
        )  # these archives' bytes change, their content does not
        with FileLock(cache_folder() / ".fsdd.lock"):
            if not folder.is_dir():
                try:
                    unpack_tar(archive, folder, _is_recording, check_content)
                finally:
                    archive.unlink(missing_ok=True)
    return folder, []


def _is_recording(path) -> bool:
    return path.parent.name == "recordings" and path.suffix == ".wav"


def check_content(folder: Path, expected: str = CONTENT) -> None:
    """Compare the sha256 of the listing of all files' sha256, in byte order of their names, with the published one.

    Raises:
        TlkitError: it is another one.
    """
    listing = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.glob("*.wav"), key=lambda path: path.name.encode())
    )
    found = hashlib.sha256(listing.encode()).hexdigest()
    if found != expected:
        raise TlkitError(
            f"{ADDRESS} does not hold the recordings that were expected: the sha256 of their listing is {found[:12]}... "
            f"and not {expected[:12]}... ({listing.count(chr(10)):,} files); nothing was kept"
        )
