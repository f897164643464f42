"""Every task that `load_task` knows by name, as plain data: what it is, how big, and which files it needs.

Reading this imports nothing, so that the list is there at once.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """One task.

    Args:
        name: what `load_task` calls it.
        home: module and function that load it.
        kind: classification, multi-label, regression, token classification, generation or speech.
        modality: image, text, sound or table.
        sizes: examples in train, val and test.
        licence: of the data.
        files: what must be on this machine, below the data folder; empty for what is embedded.
        targets: the questions that can be asked of it, the usual one first.
        options: given to the function.
        cut_by_seed: whether a split is cut off here, by `split_seed`.
    """

    name: str
    home: str
    kind: str
    modality: str
    sizes: tuple[int, int, int]
    licence: str
    files: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    options: dict = field(default_factory=dict)
    cut_by_seed: bool = False


_EMBEDDED = (
    Entry("digits", "tlkit.data.digits:load", "classification", "image", (899, 299, 599), "CC BY 4.0"),
    Entry(
        "diabetes", "tlkit.data.diabetes:load", "regression", "table", (265, 66, 111), "none stated (distributed by scikit-learn)"
    ),
    Entry("cells", "tlkit.data.cells:load", "classification", "image", (1364, 344, 568), "CC BY 4.0"),
    Entry(
        "tickets", "tlkit.data.corpora:load_tickets", "classification", "text", (312, 78, 130), "CC BY 4.0",
        targets=("intent", "topic"),
    ),
    Entry(
        "headlines", "tlkit.data.corpora:load_headlines", "classification", "text", (378, 90, 144), "CC BY 4.0",
        targets=("sentiment", "topic"),
    ),
    Entry("entities", "tlkit.data.corpora:load_entities", "token classification", "text", (243, 58, 102), "CC BY 4.0"),
    Entry(
        "tones", "tlkit.data.tones:load", "classification", "sound", (576, 144, 240), "CC BY 4.0", targets=("tone", "sequence")
    ),
)  # fmt: skip

_MEDMNIST_SIZES = {
    "pathmnist": (89996, 10004, 7180), "chestmnist": (78468, 11219, 22433), "dermamnist": (7007, 1003, 2005),
    "octmnist": (97477, 10832, 1000), "pneumoniamnist": (4708, 524, 624), "retinamnist": (1080, 120, 400),
    "breastmnist": (546, 78, 156), "bloodmnist": (11959, 1712, 3421), "tissuemnist": (165466, 23640, 47280),
    "organamnist": (34581, 6491, 17778), "organcmnist": (13000, 2392, 8268), "organsmnist": (13940, 2452, 8829),
}  # fmt: skip
_TORCHVISION = {
    "mnist": ((51000, 9000, 10000), "CC BY-SA 3.0"), "fashion_mnist": ((51000, 9000, 10000), "MIT"),
    "kmnist": ((51000, 9000, 10000), "CC BY-SA 4.0"), "flowers102": ((1020, 1020, 6149), "none stated"),
    "dtd": ((1880, 1880, 1880), "for research"),
    "food101": ((64438, 11312, 25250), "none stated"), "eurosat": ((18900, 4050, 4050), "MIT"),
}  # fmt: skip

_PUBLISHED = (
    Entry(
        "banking77", "tlkit.data.published_texts:load_banking77", "classification", "text", (9001, 1002, 3080), "CC BY 4.0",
        ("banking77/train.csv", "banking77/test.csv"), cut_by_seed=True,
    ),
    Entry(
        "wnut17", "tlkit.data.published_texts:load_wnut17", "token classification", "text", (3394, 1009, 1287), "CC BY 4.0",
        ("wnut17/wnut17train.conll", "wnut17/emerging.dev.conll", "wnut17/emerging.test.annotated"),
    ),
    Entry(
        "spoken_digits", "tlkit.data.spoken_digits:load", "classification", "sound", (2160, 540, 300), "CC BY-SA 4.0", ("fsdd",)
    ),
    *(
        Entry(
            name, "tlkit.data.medmnist:load", "multi-label" if name == "chestmnist" else "classification", "image", sizes,
            "CC BY-NC 4.0" if name == "dermamnist" else "CC BY 4.0", (f"{name}.npz",), options={"name": name},
        )
        for name, sizes in _MEDMNIST_SIZES.items()
    ),
    *(
        Entry(
            name, "tlkit.data.torchvision_sets:load", "classification", "image", sizes, licence, (name,),
            options={"name": name}, cut_by_seed=name not in ("flowers102", "dtd"),
        )
        for name, (sizes, licence) in _TORCHVISION.items()
    ),
)  # fmt: skip

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in (*_EMBEDDED, *_PUBLISHED)}
