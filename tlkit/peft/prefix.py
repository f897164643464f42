"""Prefix tuning (Li and Liang 2021, section 4): learned keys and values in front of every block's own.

Axes: B batch, N heads, T places, P prefix, D size of a head.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tlkit.errors import TlkitError
from tlkit.peft.method import Around, Method, like
from tlkit.peft.targets import candidates, role_of


@dataclass(frozen=True)
class PrefixTuning(Method):
    """P learned keys and values for the attention of every block; the keys and values themselves learn, as in T5's form.

    Args:
        count: P.
    """

    name = "prefix_tuning"
    count: int = 10

    def modules(self, body) -> dict[str, Around]:
        names = dict.fromkeys(name.rpartition(".")[0] for name in candidates(body) if role_of(name) in ("query", "fused"))
        attentions = {name: body.stages.get_submodule(name) for name in names}
        if not attentions or not all(hasattr(module, "config") for module in attentions.values()):
            raise TlkitError(f"{body.name} has no attention that a prefix could be put into; take a Transformer of transformers "
                             "(bert, gpt2, vit, ...), or another method such as plans.lora()")
        return {name: Prefixed(module, self.count) for name, module in attentions.items()}


class Prefixed(Around):
    """An attention module whose places also attend to P learned keys and values.

    Args:
        base: attention of transformers.
        count: P.
    """

    def __init__(self, base: nn.Module, count: int):
        super().__init__(base)
        heads, size = base.config.num_attention_heads, base.config.hidden_size // base.config.num_attention_heads
        self.keys = nn.Parameter(0.02 * torch.randn(heads, count, size, **like(base)))     # (N, P, D)
        self.values = nn.Parameter(0.02 * torch.randn(heads, count, size, **like(base)))   # (N, P, D)

    def forward(self, *inputs, **named):
        from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

        usual = self.base.config
        ALL_ATTENTION_FUNCTIONS.register("tlkit_prefix", _attention_of)
        self.base.config = copy.copy(usual)  # the blocks share it, and it says which function attends
        self.base.config._attn_implementation_internal = "tlkit_prefix"
        self.base.prefix = (self.keys, self.values)
        try:
            return self.base(*inputs, **named)
        finally:
            self.base.config = usual
            del self.base.prefix


def _attention_of(module, query, key, value, attention_mask=None, dropout=0.0, scaling=None, **named):
    """What transformers calls in place of its own function."""
    is_causal = getattr(module, "is_causal", False) and attention_mask is None
    attended = attention_with_prefix(query, key, value, *module.prefix, attention_mask, is_causal, dropout, scaling)
    return attended.transpose(1, 2).contiguous(), None


def attention_with_prefix(
    query: Tensor, key: Tensor, value: Tensor, prefix_keys: Tensor, prefix_values: Tensor, mask: Tensor | None = None,
    is_causal: bool = False, dropout: float = 0.0, scaling: float | None = None,
) -> Tensor:
    """softmax(scaling * Q [P_K; K]^T) [P_V; V]: every place sees the whole prefix, and of the rest what the mask lets it see.

    Args:
        query, key, value: (B, N, T, D)
        prefix_keys, prefix_values: (N, P, D)
        mask: True where a place is seen, or numbers that are added, (B, 1, T, T); None is everything.
        is_causal: a place sees itself and what comes before it; for a mask that is None.
        scaling: None is 1 / sqrt(D).
    Returns:
        (B, N, T, D)
    """
    batch, count = len(query), prefix_keys.shape[1]
    key = torch.cat([prefix_keys.to(key.dtype).expand(batch, -1, -1, -1), key], dim=2)         # (B, N, P + T, D)
    value = torch.cat([prefix_values.to(value.dtype).expand(batch, -1, -1, -1), value], dim=2)
    if is_causal:
        places = query.shape[2]
        mask = torch.ones(places, places, dtype=torch.bool, device=query.device).tril()[None, None]
    if mask is not None:
        seen = mask.new_ones(()) if mask.dtype == torch.bool else mask.new_zeros(())
        mask = torch.cat([seen.expand(*mask.shape[:-1], count), mask], dim=-1)
    return torch.nn.functional.scaled_dot_product_attention(query, key, value, mask, dropout, scale=scaling)
