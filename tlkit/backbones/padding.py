"""Texts of different lengths in one batch: padding, the mask of what is not padding, and what a limit cuts off.

Axes: B batch, N texts, T places in a sequence, H hidden size, D size of a query and of a key.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tlkit.errors import TlkitError


def pad_batch(rows: Sequence[Sequence[int]], pad_token: int) -> tuple[Tensor, Tensor]:
    """Rows of token numbers as one batch, padded on the right to its longest row and no further (dynamic padding).

    The mask comes from the lengths: a token that happens to be `pad_token` is a token all the same.

    Args:
        rows: B of them, of any lengths.
        pad_token: what stands behind the shorter ones.
    Returns:
        tokens int64 (B, T), and mask bool (B, T), True on tokens, with T the longest length.
    Raises:
        TlkitError: no rows.
    """
    if len(rows) == 0:
        raise TlkitError("a batch needs one text or more, and got none")
    longest = max(len(row) for row in rows)
    tokens = torch.full((len(rows), longest), pad_token)                     # (B, T)
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)                 # (B, T)
    for number, row in enumerate(rows):
        tokens[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = True
    return tokens, mask


def masked_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean over valid places: sum_t m_t h_t / sum_t m_t; zeros where no place is valid (Reimers and Gurevych 2019, section 3).

    Args:
        hidden: (B, T, H)
        mask: bool, True on valid places. (B, T)
    Returns:
        (B, H), in the number type of `hidden`.
    """
    valid = mask[..., None].to(hidden.dtype)                                 # (B, T, 1)
    return (hidden * valid).sum(dim=1) / valid.sum(dim=1).clamp(min=1)       # (B, H)


def attention_weights(queries: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    """How much each place attends to each: softmax_s(q_t . k_s / sqrt(D)) over valid places s (Vaswani et al. 2017, section 3.2.1).

    Args:
        queries, keys: of one head. (B, T, D)
        mask: bool, True on valid places, at least one in a row. (B, T)
    Returns:
        (B, T, T), row t what place t attends to: it adds up to 1, and is 0 where the mask is False.
    """
    scores = queries @ keys.mT / queries.shape[-1] ** 0.5                    # (B, T, T)
    return scores.masked_fill(~mask[:, None], float("-inf")).softmax(dim=-1)


def truncation(pieces: Sequence[int], max_length: int, special: int = 2) -> tuple[float, int]:
    """What a limit cuts off: the share of texts that lose something, and how many pieces are lost in all.

    Special tokens take places too: max_length - special pieces of a text are read.

    Args:
        pieces: how many word pieces each text has, special tokens not counted. (N,)
        max_length: tokens that are read, special ones among them; at least `special`.
        special: special tokens of each text, [CLS] and [SEP] for BERT.
    Raises:
        TlkitError: no texts.
    """
    if len(pieces) == 0:
        raise TlkitError("there is no text to look at")
    lost = np.maximum(np.asarray(pieces) - (max_length - special), 0)        # (N,)
    return float((lost > 0).mean()), int(lost.sum())
