"""How checkpoints of each family are cut into stages."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from tlkit.backbones import transformer_stages as parts


@dataclass(frozen=True)
class Family:
    """How checkpoints of one type are read and cut into stages.

    Args:
        model_class: the class in transformers.
        pooling: what is used where none is asked for.
        split: the model -> its stages before pooling, from the input on.
        modality: "text", "image" or "sound".
        options: what `from_pretrained` is told besides the name.
        token_embedding: the parameter that an output layer over tokens shares.
    """

    model_class: str
    pooling: str
    split: Callable[[nn.Module], dict[str, nn.Module]]
    modality: str = "text"
    options: tuple[tuple[str, object], ...] = (("add_pooling_layer", False),)
    token_embedding: str | None = "stages.embeddings.embeddings.word_embeddings.weight"


def _bert(model) -> dict[str, nn.Module]:
    embeddings = parts.TokenEmbeddings(model.embeddings)
    return {"embeddings": embeddings, **_blocks(model.encoder.layer, model.config)}


def _distilbert(model) -> dict[str, nn.Module]:
    embeddings = parts.TokenEmbeddings(model.embeddings)
    return {"embeddings": embeddings, **_blocks(model.transformer.layer, model.config)}


def _gpt2(model) -> dict[str, nn.Module]:
    blocks = _blocks(model.h, model.config, causal=True)
    return {"embeddings": parts.GPT2Embeddings(model), **blocks, "norm": parts.Norm(model.ln_f)}


def _vit(model) -> dict[str, nn.Module]:
    blocks = _blocks(model.layers, model.config, attends_to_mask=False)
    return {"patches": parts.PatchEmbeddings(model.embeddings), **blocks, "norm": parts.Norm(model.layernorm)}


def _wav2vec2(model) -> dict[str, nn.Module]:
    config, encoder = model.config, model.encoder
    attends = config.feat_extract_norm == "layer"  # the others were trained on silence behind the sound, unmasked
    convolutions = parts.Convolutions(model.feature_extractor, tuple(config.conv_kernel), tuple(config.conv_stride))
    projection = parts.Projection(model.feature_projection, getattr(model, "masked_spec_embed", None))
    norm_first = None if config.do_stable_layer_norm else encoder.layer_norm
    positions = parts.ConvolvedPositions(encoder.pos_conv_embed, norm_first, encoder.dropout, attends)
    blocks = _blocks(encoder.layers, config, attends_to_mask=attends, drop=config.layerdrop)
    last = {"norm": parts.Norm(encoder.layer_norm)} if config.do_stable_layer_norm else {}
    return {"convolutions": convolutions, "projection": projection, "positions": positions, **blocks, **last}


def _blocks(layers, config, **options) -> dict[str, nn.Module]:
    return {f"block{number}": parts.Block(layer, config, **options) for number, layer in enumerate(layers, start=1)}


FAMILIES = {
    "bert": Family("BertModel", "mean", _bert),
    "distilbert": Family("DistilBertModel", "mean", _distilbert, options=()),
    "roberta": Family("RobertaModel", "mean", _bert),
    "xlm-roberta": Family("XLMRobertaModel", "mean", _bert),
    "camembert": Family("CamembertModel", "mean", _bert),
    "gpt2": Family("GPT2Model", "last", _gpt2, options=(), token_embedding="stages.embeddings.wte.weight"),
    "vit": Family("ViTModel", "first", _vit, modality="image", token_embedding=None),
    "wav2vec2": Family("Wav2Vec2Model", "mean", _wav2vec2, "sound", (), None),
}
