"""Checkpoints of transformers as bodies, from a folder or from the hub. No code of a checkpoint is ever run."""

import json
import logging
import re
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from tlkit.backbones.backbone import Backbone
from tlkit.backbones.preprocessing import ImageTransform
from tlkit.backbones.tokenization import Tokenization
from tlkit.backbones.transformer_families import FAMILIES, Family
from tlkit.backbones.transformer_stages import POOLS
from tlkit.backbones.waveforms import Waveforms
from tlkit.errors import TlkitError


def load(
    place: str | Path, pretrained: bool, seed: int, pooling: str | None, shown_as: str, licence: str = ""
) -> Backbone:
    """What `load_backbone` gives for a folder or a name on the hub.

    Raises:
        TlkitError: no such checkpoint, no way to reach it, a type that has no family here, or damaged files.
    """
    with _quiet(), one_line(shown_as):
        folder = Path(place) if Path(place).is_dir() else fetch(str(place), pretrained)
        config_file = folder / "config.json"
        if not config_file.is_file():
            raise TlkitError(f"{folder} holds no config.json, so it is no checkpoint of transformers")
        kind = json.loads(config_file.read_text(encoding="utf-8")).get("model_type")
        if kind not in FAMILIES:
            raise TlkitError(
                f"{shown_as} is of type {kind!r}, which has no depth map here; types: {', '.join(FAMILIES)}"
            )
        family = FAMILIES[kind]
        model = _model(family, folder, pretrained, seed)
        return _body(family, model, folder, pooling or family.pooling, shown_as, licence or _licence(folder))


def read_preprocessing(folder: Path):
    """What turns raw inputs into a checkpoint's, without its weights.

    Raises:
        TlkitError: as for `load`.
    """
    from transformers import AutoConfig

    with _quiet(), one_line(str(folder)):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        return _PREPROCESSING[FAMILIES[config.model_type].modality](folder, config)


def _body(family: Family, model: nn.Module, folder: Path, pooling: str, name: str, licence: str) -> Backbone:
    if pooling not in POOLS:
        raise TlkitError(f"pooling={pooling!r} must be one of {', '.join(POOLS)}")
    pool = POOLS[pooling]()
    config = model.config
    sees_silence = family.modality == "sound" and config.feat_extract_norm == "group"
    beware = "the norm over time in its first layer sees the silence behind shorter sounds" if sees_silence else ""
    return Backbone(
        name,
        {**family.split(model), "pool": pool},
        feature_size=config.hidden_size,
        preprocessing=_PREPROCESSING[family.modality](folder, config),
        licence=licence,
        pooling=pool.says,
        batch_dependence=beware,
        token_embedding=family.token_embedding,
        recipe={"transformers": small_files(folder), "pooling": pooling, "shown_as": name, "licence": licence},
    ).note_original_names(model).eval()


def small_files(folder: Path) -> dict[str, str]:
    """A checkpoint's texts by name: its configuration and what its tokenizer or processor is made of."""
    wanted = [path for path in sorted(folder.iterdir())
              if path.suffix in (".json", ".txt") and not path.name.endswith(".index.json") and path.is_file()]
    return {path.name: path.read_text(encoding="utf-8") for path in wanted}


def _model(family: Family, folder: Path, pretrained: bool, seed: int) -> nn.Module:
    import transformers

    model_class = getattr(transformers, family.model_class)
    options = dict(family.options)
    if pretrained:
        model, report = model_class.from_pretrained(
            folder, output_loading_info=True, local_files_only=True, dtype=torch.float32, **options
        )
        # Speech recognisers are published without the vector for masked frames, which nothing here uses unless asked.
        missing = sorted(set(report["missing_keys"]) - {"masked_spec_embed"})
        if missing:
            raise TlkitError(
                f"the weights in {folder} lack {len(missing)} of the model's parameters, such as {missing[0]}"
            )
        return model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return model_class(model_class.config_class.from_pretrained(folder, local_files_only=True), **options)


def fetch(name: str, with_weights: bool = True) -> Path:
    """The hub's files of a checkpoint, in the hub's own cache; safetensors alone where there are any."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise TlkitError(f"{name!r} is neither a folder nor a name on the hub, which looks like owner/model")
    from huggingface_hub import list_repo_files, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    texts = ["*.json", "*.txt", "*.model", "README.md"]
    try:
        here = Path(snapshot_download(name, allow_patterns=texts, local_files_only=True))
        if not with_weights or _has_weights(here):
            return here
    except LocalEntryNotFoundError:
        pass
    try:
        files = list_repo_files(name)
        weights = "model.safetensors*" if any(file.endswith(".safetensors") for file in files) else "pytorch_model*.bin"
        wanted = [*texts, weights, "model-*.safetensors"] if with_weights else texts
        return Path(snapshot_download(name, allow_patterns=wanted))
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "nothing"
        raise TlkitError(f"the hub has no checkpoint {name!r} that can be read (it answered {status})") from error


def _has_weights(folder: Path) -> bool:
    return any(
        (folder / file).exists() for file in ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
    )


def _tokenization(folder: Path, config) -> Tokenization:
    from transformers import AutoTokenizer

    # These cut words into pieces by the space in front of them, which words given apart do not have.
    options = {"add_prefix_space": True} if config.model_type in ("gpt2", "roberta") else {}
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **options)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    counts_from = config.pad_token_id + 1 if config.model_type in ("roberta", "xlm-roberta", "camembert") else 0
    places = config.max_position_embeddings - counts_from
    return Tokenization(tokenizer, min(places, tokenizer.model_max_length))


def _image_transform(folder: Path, config) -> ImageTransform:
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    side = config.image_size

    def transform(image: torch.Tensor) -> torch.Tensor:
        batch = image if image.ndim == 4 else image[None]
        scaled = {} if image.dtype == torch.uint8 else {"do_rescale": False}
        pixels = processor(list(batch), return_tensors="pt", **scaled)["pixel_values"]
        return pixels if image.ndim == 4 else pixels[0]

    return ImageTransform(
        transform, (config.num_channels, side, side), f"images by {type(processor).__name__}, {side} x {side}"
    )


def _waveforms(folder: Path, config) -> Waveforms:
    file = folder / "preprocessor_config.json"
    if not file.is_file():
        raise TlkitError(
            f"{folder} holds no preprocessor_config.json, so the sampling rate of its weights is not known"
        )
    facts = json.loads(file.read_text(encoding="utf-8"))
    shortest = 1
    for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
        shortest = (shortest - 1) * stride + kernel
    return Waveforms(int(facts["sampling_rate"]), bool(facts.get("do_normalize", True)), shortest)


_PREPROCESSING = {"text": _tokenization, "image": _image_transform, "sound": _waveforms}


def _licence(folder: Path) -> str:
    """What the model card's first lines say; not more is known."""
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace")[:5000] if card.is_file() else ""
    stated = re.search(r"^license:\s*(\S+)", text, flags=re.MULTILINE)
    return stated[1] if stated else "a licence that its files do not state"


@contextmanager
def _quiet():
    """Keep transformers' tables and bars off the page; what matters is raised."""
    from transformers.utils import logging as hf_logging

    level, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        hf_logging.set_verbosity(level)
        if bars:
            hf_logging.enable_progress_bar()


@contextmanager
def one_line(name: str):
    """What goes wrong below, said in one line."""
    try:
        yield
    except TlkitError:
        raise
    except Exception as error:  # transformers raises what its readers raise, of many kinds
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        if "offline" in str(error).lower() or type(error).__name__ == "OfflineModeIsEnabled":
            lines = ["it is not on this machine and the hub may not be asked (HF_HUB_OFFLINE)"]
        elif any(word in type(error).__name__ for word in ("Connect", "Timeout", "Protocol", "ReadError")):
            lines = ["it is not on this machine and the hub cannot be reached"]
        logging.getLogger(__name__).debug("loading %s", name, exc_info=True)
        raise TlkitError(f"{name} could not be loaded: {lines[0][:300]}") from error
