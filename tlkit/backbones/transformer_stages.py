"""The stages of Transformers: embeddings, one stage a block, a last norm, pooling.

Each stage takes and gives a whole state: `hidden` (B, T, H), `mask` (B, T) of valid places, and what else came with the
tokens. The form of the mask that attention wants is made anew in every block, so that what stands between two stages
stays small enough to keep.

Axes: B batch, T places in a sequence, H hidden size, S samples.
"""

import torch
from torch import nn

from tlkit.backbones.padding import masked_mean
from tlkit.backbones.state import State


class TokenEmbeddings(nn.Module):
    """`tokens` (B, T) -> `hidden` (B, T, H): words and positions, normalised (BERT, DistilBERT, RoBERTa)."""

    def __init__(self, embeddings: nn.Module):
        super().__init__()
        self.embeddings = embeddings

    def forward(self, state: State) -> State:
        return _with_hidden(state, self.embeddings(input_ids=state["tokens"]), without="tokens")


class GPT2Embeddings(nn.Module):
    """`tokens` (B, T) -> `hidden` (B, T, H): words and positions, with dropout."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.wte, self.wpe, self.drop = model.wte, model.wpe, model.drop

    def forward(self, state: State) -> State:
        positions = torch.arange(state["tokens"].shape[1], device=state["tokens"].device)
        return _with_hidden(state, self.drop(self.wte(state["tokens"]) + self.wpe(positions)), without="tokens")


class PatchEmbeddings(nn.Module):
    """Images (B, C, height, width) -> `hidden` (B, T, H), the class token first."""

    def __init__(self, embeddings: nn.Module):
        super().__init__()
        self.embeddings = embeddings

    def forward(self, images: torch.Tensor) -> State:
        hidden = self.embeddings(images)
        return {"hidden": hidden, "mask": torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)}


class Convolutions(nn.Module):
    """`samples` (B, S) -> `hidden` (B, T, C), a frame every 20 ms, and the `mask` of frames that are sound (Wav2Vec2)."""

    def __init__(self, extractor: nn.Module, kernels: tuple[int, ...], strides: tuple[int, ...]):
        super().__init__()
        self.extractor = extractor
        self.kernels, self.strides = kernels, strides

    def forward(self, state: State) -> State:
        hidden = self.extractor(state["samples"]).transpose(1, 2)
        frames = state["mask"].sum(dim=1)
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            frames = (frames - kernel) // stride + 1
        mask = torch.arange(hidden.shape[1], device=hidden.device) < frames[:, None]
        return _with_hidden({**state, "mask": mask}, hidden, without="samples")


class Projection(nn.Module):
    """Frames (B, T, C) -> (B, T, H); where the state says `masked` (B, T), the learned mask vector (Wav2Vec2).

    The original masks frames at random in training (SpecAugment); here nothing is masked unless the state says so.
    """

    def __init__(self, projection: nn.Module, mask_vector: nn.Parameter | None):
        super().__init__()
        self.projection = projection
        self.mask_vector = mask_vector

    def forward(self, state: State) -> State:
        hidden, _ = self.projection(state["hidden"])
        if "masked" in state:
            hidden = torch.where(state["masked"][..., None], self.mask_vector.to(hidden.dtype), hidden)
        return _with_hidden(state, hidden, without="masked")


class ConvolvedPositions(nn.Module):
    """Positions by a convolution over the frames, added to them; `norm` is None where it comes last (Wav2Vec2)."""

    def __init__(self, positions: nn.Module, norm: nn.Module | None, dropout: nn.Module, attends_to_mask: bool):
        super().__init__()
        self.positions, self.norm, self.dropout = positions, norm, dropout
        self.attends_to_mask = attends_to_mask

    def forward(self, state: State) -> State:
        hidden = state["hidden"]
        if self.attends_to_mask:
            hidden = hidden * state["mask"][..., None]
        hidden = hidden + self.positions(hidden)
        hidden = hidden if self.norm is None else self.norm(hidden)
        return _with_hidden(state, self.dropout(hidden))


class Block(nn.Module):
    """One block of attention and feed-forward layers.

    Args:
        layer: the checkpoint's own block.
        config: the checkpoint's configuration.
        causal: whether a place sees only itself and what comes before it.
        attends_to_mask: whether invalid places are hidden from attention.
        drop: probability that a block is skipped in training (LayerDrop).
    """

    def __init__(self, layer: nn.Module, config, causal: bool = False, attends_to_mask: bool = True, drop: float = 0.0):
        super().__init__()
        self.layer = layer
        self.config = config
        self.causal, self.attends_to_mask, self.drop = causal, attends_to_mask, drop

    def forward(self, state: State) -> State:
        from transformers.masking_utils import create_bidirectional_mask, create_causal_mask

        hidden = state["hidden"]
        if self.training and self.drop and torch.rand([]) < self.drop:
            return state
        mask = state["mask"] if self.attends_to_mask else None
        if self.causal:
            mask = create_causal_mask(config=self.config, inputs_embeds=hidden, attention_mask=mask, cache=None)
        else:
            mask = create_bidirectional_mask(config=self.config, inputs_embeds=hidden, attention_mask=mask)
        return _with_hidden(state, self.layer(hidden, attention_mask=mask))


class Norm(nn.Module):
    """The norm behind the last block."""

    def __init__(self, norm: nn.Module):
        super().__init__()
        self.norm = norm

    def forward(self, state: State) -> State:
        return _with_hidden(state, self.norm(state["hidden"]))


class MeanPool(nn.Module):
    """The mean over valid places: sum_t m_t h_t / sum_t m_t, (B, T, H) -> (B, H)."""

    says = "mean over valid places"

    def forward(self, state: State) -> torch.Tensor:
        return masked_mean(state["hidden"], state["mask"])


class FirstPool(nn.Module):
    """The first place, a class token where there is one: (B, T, H) -> (B, H)."""

    says = "the first place (the class token)"

    def forward(self, state: State) -> torch.Tensor:
        return state["hidden"][:, 0]


class LastPool(nn.Module):
    """The last valid place, the only one that a causal body lets see everything: (B, T, H) -> (B, H)."""

    says = "the last valid place"

    def forward(self, state: State) -> torch.Tensor:
        places = torch.arange(1, state["mask"].shape[1] + 1, device=state["mask"].device)
        last = (state["mask"] * places).argmax(dim=1)
        return state["hidden"][torch.arange(len(last), device=last.device), last]


POOLS = {"mean": MeanPool, "first": FirstPool, "last": LastPool}


def _with_hidden(state: State, hidden: torch.Tensor, without: str = "") -> State:
    return {**{name: value for name, value in state.items() if name != without}, "hidden": hidden}
