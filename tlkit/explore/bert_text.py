"""Figures of unit 07: ways to fine-tune MiniLM, sentences before and after, tokens with their attention and mask.

Nothing here imports torch by itself: the first figure of the unit is on screen before torch is.

Axes: S seeds, T places in a sequence, H heads, D numbers of a head.
"""

import json
from functools import lru_cache
from html import escape
from importlib.resources import files

import numpy as np

from tlkit.explore.figures import BLUE, GREEN, GREY, ORANGE, PINK, Picture, as_html, choice, explorable, new_figure, quiet_axes
from tlkit.explore.why_transfer import mean_and_error

TEXTS = ("My package never arrived.", "Please unsubscribe me.", "Refunded yet? Overcharged twice!")
LONGER = "I ordered two bar stools three weeks ago, one of them arrived with a broken leg, and nobody answers my messages."
BATCHES = {"alone": (), "beside a longer text": (LONGER,)}
MASKS = ("in attention and mean", "in attention only", "nowhere")
"""What looks at the mask."""
_STYLES = {"class means": (PINK, "^"), "head": (ORANGE, "s"), "top 2 blocks": (GREEN, "D"), "everything": (BLUE, "o")}
_CELL = 'style="text-align:left;padding:1px 20px 1px 0"'


@lru_cache(maxsize=1)
def results() -> dict:
    """The measurements that the package ships: `python -m benchmarks.bert_text` makes them anew."""
    return json.loads(files("tlkit.explore").joinpath("results/bert_text.json").read_text(encoding="utf-8"))


def draw_ways(counts: list[int], accuracy: dict[str, np.ndarray], seconds: dict[str, list[float]]):
    """What each way of fine-tuning reaches, by labels, and how long it takes, with loading.

    Args:
        counts: labels per class.
        accuracy: way -> test accuracies. (counts, S)
        seconds: way -> seconds of one core, one for each count.
    Returns:
        A matplotlib figure.
    """
    figure = new_figure(9.5, 3.6)
    reached, took = figure.subplots(1, 2, width_ratios=(1.5, 1))
    at = np.arange(len(counts))
    for shift, (way, values) in zip(np.linspace(-0.12, 0.12, len(accuracy)), accuracy.items(), strict=True):
        colour, marker = _STYLES[way]
        means, errors = np.transpose([mean_and_error(row) for row in values])
        reached.errorbar(at + shift, means, errors, color=colour, marker=marker, markersize=6, capsize=3, label=way)
        took.plot(at, np.maximum(seconds[way], 0.1), color=colour, marker=marker, markersize=6)
    reached.set(title="mean over seeds ± 2 standard errors", ylabel="test accuracy", ylim=(0, 1))
    reached.legend(loc="lower right", fontsize=9, edgecolor="none")
    took.set(title="seconds of one core", yscale="log")
    for axes in (reached, took):
        axes.set_xticks(at, counts)
        axes.set_xlabel("labelled texts of each intent")
        quiet_axes(axes)
    return figure


def ways() -> Picture:
    """The shipped results as a picture."""
    found = results()
    accuracy = {way: np.array(each["accuracy"]) for way, each in found["ways"].items()}
    said = "; ".join(f"{way}: " + ", ".join(f"{row.mean():.3f} with {count}" for count, row in zip(found["labels_per_class"], rows))
                     for way, rows in accuracy.items())
    figure = draw_ways(found["labels_per_class"], accuracy, {way: each["seconds"] for way, each in found["ways"].items()})
    return Picture(figure, f"Test accuracy on 13 intents by labelled texts of each. {said}. On the right the seconds that it takes.")


def draw_map(before: np.ndarray, after: np.ndarray, marked: np.ndarray):
    """Texts as points, before and after fine-tuning; marked ones stand out.

    Args:
        before, after: two main directions of the texts' vectors, each found for itself. (N, 2)
        marked: bool. (N,)
    """
    figure = new_figure(9.0, 4.0)
    for axes, places, title in zip(figure.subplots(1, 2), (before, after), ("before", "after")):
        axes.scatter(*places[~marked].T, s=18, color=GREY, alpha=0.5, linewidths=0, label="other intents")
        axes.scatter(*places[marked].T, s=50, color=ORANGE, marker="D", edgecolors="black", linewidths=0.6, label="this intent")
        axes.set(title=f"{title} fine-tuning", xticks=[], yticks=[], xlabel="first main direction", ylabel="second")
        axes.legend(loc="best", fontsize=8, edgecolor="none")
        quiet_axes(axes)
    return figure


def nearest_right(when: str, intent: str | None = None) -> tuple[int, int]:
    """Of how many test texts (of one intent) the nearest other text has the same intent, and how many there are."""
    found = results()["map"]
    labels = np.array(found["labels"])
    chosen = np.ones(len(labels), bool) if intent is None else labels == found["classes"].index(intent)
    return int((labels[found[when]["nearest"]] == labels)[chosen].sum()), int(chosen.sum())


def explore_map():
    """Choose an intent; its test texts are marked before and after fine-tuning."""
    found = results()["map"]
    labels = np.array(found["labels"])

    def draw(intent):
        marked = labels == found["classes"].index(intent)
        rows = "".join(f"<tr><th scope='row' {_CELL}>{when}</th>" + "".join(f"<td {_CELL}>{good} of {count}</td>" for good, count in (
            nearest_right(when, intent), nearest_right(when))) + "</tr>" for when in ("before", "after"))
        texts = "".join(f"<li>{escape(found['texts'][number])}</li>" for number in np.flatnonzero(marked)[:3])
        picture = draw_map(np.array(found["before"]["places"]), np.array(found["after"]["places"]), marked)
        return as_html(picture, f"Test texts in two dimensions, before and after fine-tuning; those of {intent} are marked.") + (
            f"<table><caption style='text-align:left'>texts whose nearest other text has the same intent</caption><thead><tr><th {_CELL}></th>"
            f"<th scope='col' {_CELL}>{escape(intent)}</th><th scope='col' {_CELL}>all intents</th></tr></thead><tbody>{rows}</tbody></table>"
            f"<p>For example:</p><ul>{texts}</ul>")

    return explorable(draw, {"intent": choice("intent", found["classes"], found["classes"][0])}, "Sentences before and after fine-tuning")


def attend(body, texts, block: int, looks_at_mask: str = MASKS[0]):
    """What the first of some texts attends to in one block, and its vector.

    weights = softmax(q k' / sqrt(D)), the mean over heads (Vaswani et al. 2017, section 3.2).

    Args:
        body: MiniLM, or another BERT in the same stages.
        texts: a batch.
        block: from 1 on.
        looks_at_mask: one of `MASKS`.
    Returns:
        The first text's pieces (T of them), its mask (T,), attention weights (T, T), row t what place t attends to, and vector (F,).
    """
    import torch

    with torch.no_grad():
        state = body.prepare(texts)
        mask = state["mask"]
        pieces = body.preprocessing.tokenizer.convert_ids_to_tokens(state["tokens"][0].tolist())
        if looks_at_mask == MASKS[2]:
            state["mask"] = torch.ones_like(mask)
        weights = None
        for name, stage in body.stages.items():
            if name == f"block{block}":
                weights = _weights(stage.layer.attention.self, state["hidden"][:1], state["mask"][:1])
            if name == "pool" and looks_at_mask != MASKS[0]:
                state["mask"] = torch.ones_like(mask)
            state = stage(state)
    return pieces, mask[0].numpy(), weights.numpy(), state[0].numpy()


def _weights(attention, hidden, mask):
    """Mean over heads of one text's attention weights. (T, T)"""
    from tlkit.backbones.padding import attention_weights

    heads = attention.num_attention_heads
    query, key = (layer(hidden[0]).unflatten(1, (heads, -1)).transpose(0, 1) for layer in (attention.query, attention.key))  # (H, T, D)
    return attention_weights(query, key, mask).mean(dim=0)


def draw_attention(pieces: list[str], mask: np.ndarray, weights: np.ndarray):
    """What each token of a text attends to: a row a token, a column a place, those of padding behind the dashed line.

    Args:
        pieces: of T places.
        mask: True on tokens, which come first. (T,)
        weights: row t is what place t attends to. (T, T)
    """
    count = int(mask.sum())
    figure = new_figure(2.6 + 0.19 * len(pieces), 1.7 + 0.19 * count)
    axes = figure.subplots()
    drawn = axes.imshow(weights[:count], cmap="viridis", vmin=0, vmax=0.6, interpolation="nearest", aspect="auto")
    axes.set_xticks(range(count), pieces[:count], rotation=90, fontsize=8)
    axes.set_yticks(range(count), pieces[:count], fontsize=8)
    if count < len(pieces):
        axes.axvline(count - 0.5, color="white", linewidth=1.5, linestyle="--")
        axes.text((count + len(pieces) - 1) / 2, count - 0.3, "padding", ha="center", va="top", fontsize=9)
    axes.set(xlabel="attended to", ylabel="token that looks")
    figure.colorbar(drawn, ax=axes, label="mean weight over heads", ticks=(0, 0.3, 0.6))
    return figure


def explore_tokens(body):
    """Choose a text, its company in the batch, and what looks at the mask; pieces, attention and the text's vector follow."""
    alone = {text: attend(body, [text], 1)[3] for text in TEXTS}

    def draw(text, batch, looks, block):
        pieces, mask, weights, vector = attend(body, [TEXTS[text], *BATCHES[batch]], block, looks)
        other = alone[TEXTS[text]]
        similar = float(vector @ other / np.linalg.norm(vector) / np.linalg.norm(other))
        count, padding = int(mask.sum()), float(weights[mask][:, ~mask].sum(axis=1).mean())
        received = weights[mask][:, mask].mean(axis=0)
        cells = (("piece", pieces[:count]), ("number", body.preprocessing.tokenizer.convert_tokens_to_ids(pieces[:count])),
                 ("attention that it gets", [f"{value:.2f}" for value in received]))
        table = "".join(f"<tr><th scope='row' {_CELL}>{name}</th>{''.join(f'<td>{escape(str(each))}</td>' for each in row)}</tr>" for name, row in cells)
        return as_html(draw_attention(pieces, mask, weights), f"Attention weights of block {block} between the {len(pieces)} places of the text.") + (
            f"<p>{count} tokens and {len(pieces) - count} places of padding. Of a token's attention in this block, {padding:.0%} goes to padding. "
            f"Cosine between this vector of the text and the one that it has alone: {similar:.3f}.</p>"
            f"<div style='overflow-x:auto'><table>{table}</table></div>")

    return explorable(draw, {
        "text": choice("text", [(text[:22] + " ...", number) for number, text in enumerate(TEXTS)], 0),
        "batch": choice("in the batch", list(BATCHES), "beside a longer text"),
        "looks": choice("mask used", list(MASKS), MASKS[0]),
        "block": choice("block", [1, 2, 3, 4, 5, 6], 1),
    }, "Pieces of a text, what they attend to, and what padding does")
