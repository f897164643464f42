"""From a task's texts to tokens, by the tokenizer that belongs to the weights.

Axes: B batch, N texts, T places in a sequence.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from tlkit.backbones.padding import pad_batch, truncation
from tlkit.backbones.state import State
from tlkit.errors import TlkitError

MOST_UNKNOWN = 0.1  # a larger share of unknown tokens is worth a warning


class Tokenization:
    """A checkpoint's own tokenizer.

    Args:
        tokenizer: a fast tokenizer of transformers.
        max_length: tokens that the body can take; longer texts are cut there (`lengths` tells which).
    """

    modality = "text"
    example_size = "a text of 32 tokens"

    def __init__(self, tokenizer, max_length: int):
        self.tokenizer = tokenizer
        self.max_length = max_length

    def __call__(self, inputs: Sequence) -> State:
        """Texts -> `tokens` (B, T) and `mask` (B, T), True on tokens; padded on the right to the longest.

        Args:
            inputs: texts; or sequences of words, and then `words` (B, T) says which word each token belongs to, -1
                for none.
        Raises:
            TlkitError: a single text instead of a sequence of them, or something that is not text.
        """
        texts = _texts(inputs)
        by_word = not isinstance(texts[0], str)
        encoded = self.tokenizer(texts, is_split_into_words=by_word, truncation=True, max_length=self.max_length)
        rows = encoded["input_ids"] if any(encoded["input_ids"]) else [[self.tokenizer.pad_token_id]] * len(texts)
        tokens, mask = pad_batch(rows, self.tokenizer.pad_token_id)
        # A text without any token keeps one place, or there would be nothing to pool.
        mask[~mask.any(dim=1), 0] = True
        state = {"tokens": tokens, "mask": mask}
        if by_word:
            words = [[-1 if word is None else word for word in encoded.word_ids(row)] or [-1] for row in range(len(texts))]
            state["words"] = pad_batch(words, -1)[0]
        return state

    def pairs(self, questions: Sequence[str], answers: Sequence[str]) -> tuple[State, torch.Tensor]:
        """Each question with its answer behind it and the mark of the end: a state, and True on what is asked (B, T).

        A pair that is too long loses the beginning of its question, then the end of its answer.
        """
        ends = self.tokenizer.eos_token_id if self.tokenizer.eos_token_id is not None else self.tokenizer.sep_token_id
        rows = []
        for question, answer in zip(questions, answers, strict=True):
            said = [*self.tokenizer(answer, add_special_tokens=False, verbose=False)["input_ids"], ends]
            said = said[: self.max_length - 1]
            given = self.tokenizer(question, add_special_tokens=False, verbose=False)["input_ids"] or [ends]
            rows.append((given[-(self.max_length - len(said)) :], said))
        longest = max(len(given) + len(said) for given, said in rows)
        tokens = torch.full((len(rows), longest), self.tokenizer.pad_token_id)
        mask, asked = (torch.zeros(len(rows), longest, dtype=torch.bool) for _ in range(2))
        for row, (given, said) in enumerate(rows):
            stop = len(given) + len(said)
            tokens[row, :stop] = torch.tensor([*given, *said])
            mask[row, :stop] = True
            asked[row, len(given) : stop] = True
        return {"tokens": tokens, "mask": mask}, asked

    def lengths(self, inputs: Sequence) -> np.ndarray:
        """How many tokens each text has before it is cut, int64 (N,); more than `max_length` means that it is cut."""
        return np.array([len(tokens) for tokens in self._uncut(inputs)])

    def unknown_share(self, inputs: Sequence) -> float:
        """The share of the tokens that stand for what the tokenizer does not know, such as [UNK]; special tokens do not count."""
        return self._unknown_among(self._uncut(inputs))

    def unread(self, inputs: Sequence) -> list[str]:
        """What the body will not get to read of these texts: a sentence for unknown words, for ends, and for texts without a token."""
        rows = self._uncut(inputs)
        share, lengths = self._unknown_among(rows), np.array([len(tokens) for tokens in rows])
        empty = int((lengths <= self.tokenizer.num_special_tokens_to_add()).sum())
        said = []
        if share >= MOST_UNKNOWN:
            said.append(f"{share:.0%} of the tokens are {self.tokenizer.unk_token}, which stands for all that the tokenizer does not know; "
                        "take a body that was pretrained on texts of this language")
        if empty:
            said.append(f"{empty} of {len(lengths):,} texts give no token at all; leave them out, since nothing can be learned from them")
        if isinstance(inputs[0], str) and (lengths > self.max_length).any():
            said.append(f"{(lengths > self.max_length).sum()} of {len(lengths):,} texts are longer than {self.max_length} tokens, and what is behind them "
                        "is not read; put what matters first, or split them")
        return said

    def _uncut(self, inputs: Sequence) -> list[list[int]]:
        """Each text's tokens, special ones among them, however many there are."""
        texts = _texts(inputs)
        return self.tokenizer(texts, is_split_into_words=not isinstance(texts[0], str), verbose=False)["input_ids"]

    def _unknown_among(self, rows: list[list[int]]) -> float:
        unknown = sum(row.count(self.tokenizer.unk_token_id) for row in rows)
        return unknown / max(1, sum(map(len, rows)) - len(rows) * self.tokenizer.num_special_tokens_to_add())

    def cut_off(self, inputs: Sequence, max_length: int | None = None) -> tuple[float, int]:
        """The share of texts that are cut, and how many word pieces are lost in all (`tlkit.backbones.padding.truncation`)."""
        special = self.tokenizer.num_special_tokens_to_add()
        return truncation(self.lengths(inputs) - special, max_length or self.max_length, special)

    def example(self) -> State:
        """One example, for shapes and costs."""
        places = min(32, self.max_length)
        return {"tokens": torch.zeros(1, places, dtype=torch.long), "mask": torch.ones(1, places, dtype=torch.bool)}

    def describe(self) -> str:
        """One line."""
        return f"texts, cut into tokens by {type(self.tokenizer).__name__}, at most {self.max_length} of them"


def _texts(inputs: Sequence) -> list:
    """Texts, or lists of words, as the tokenizer takes them."""
    if isinstance(inputs, str):
        raise TlkitError(f"give a list of texts, not one text: [{inputs[:30]!r}]")
    if odd := [(number, text) for number, text in enumerate(inputs) if not isinstance(text, Iterable)]:
        raise TlkitError(f"texts are strings, or lists of words, and example {odd[0][0]} is {odd[0][1]!r}")
    texts = [text if isinstance(text, str) else list(text) for text in inputs]
    if not texts:
        raise TlkitError("a batch needs one text or more, and got none")
    return texts
