"""Published data sets of text: banking77's intents and WNUT-17's rare entities."""

from pathlib import Path

from tlkit.data.assembly import to_task
from tlkit.data.conll import read_conll
from tlkit.data.downloads import RemoteFile, find_or_fetch
from tlkit.data.reading import Reading
from tlkit.data.tables import read_table
from tlkit.data.task import Task

_BANKING = "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/57ec275d8078af65b7731c2a98be812d844a6d6b/banking_data"
_WNUT = "https://raw.githubusercontent.com/leondz/emerging_entities_17/e52a2d2a71ac1a051ca2d532eef28653c5c02603"
BANKING77 = {
    "train": RemoteFile(
        "banking77/train.csv",
        f"{_BANKING}/train.csv",
        "sha256:b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b",
    ),
    "test": RemoteFile(
        "banking77/test.csv",
        f"{_BANKING}/test.csv",
        "sha256:d12d6e3bc4c3103966ae786dc435913c0c563dfa328f5a3646d0e62cfeeb474d",
    ),
}
WNUT17 = {
    "train": RemoteFile(
        "wnut17/wnut17train.conll", f"{_WNUT}/wnut17train.conll",
        "sha256:731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5",
    ),
    "val": RemoteFile(
        "wnut17/emerging.dev.conll", f"{_WNUT}/emerging.dev.conll",
        "sha256:e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8",
    ),
    "test": RemoteFile(
        "wnut17/emerging.test.annotated", f"{_WNUT}/emerging.test.annotated",
        "sha256:2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0",
    ),
}  # fmt: skip


def load_banking77(split_seed: int = 0) -> Task:
    """What customers write to a bank, 77 intents; a tenth of train is cut off as val, which one `split_seed` says."""
    return to_task(
        _read(BANKING77, lambda path: read_table(path, "text", "category", "classification")),
        "banking77",
        {"val": 0.1},
        split_seed,
        licence="CC BY 4.0",
        source=f"{_BANKING}/",
        citation="Casanueva et al. (2020), Efficient Intent Detection with Dual Sentence Encoders, NLP4ConvAI",
        description="what customers of a bank write, 77 intents",
    )


def load_wnut17() -> Task:
    """Rare and emerging entities in posts and comments; val and test come from other places than train."""
    return to_task(
        _read(WNUT17, read_conll),
        "wnut17",
        {},
        seed=0,
        licence="CC BY 4.0",
        source=f"{_WNUT}/",
        citation="Derczynski et al. (2017), Results of the WNUT2017 Shared Task on Novel and Emerging Entity Recognition",
        description="rare and emerging entities in what people post",
    )


def _read(files: dict[str, RemoteFile], read) -> Reading:
    """The files of a data set, each a split."""
    inputs, labels, splits, notes = [], [], [], []
    groups: list[str] = []
    for split, file in files.items():
        found = find_or_fetch(file)
        reading = read(Path(found.path))
        inputs += reading.inputs
        labels += reading.labels
        splits += [split] * len(reading.inputs)
        groups += reading.groups or [" ".join(words) for words in reading.inputs]
        notes += [found.note] * bool(found.note) + reading.notes
    return Reading(reading.kind, "text", inputs, labels, splits, groups, notes)
