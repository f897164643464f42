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

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in _EMBEDDED}
