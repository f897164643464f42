"""Figures of unit 08: the source's table of scores, and the entities of a sentence, as they are and as they were named."""

from html import escape

from matplotlib.patches import Rectangle

from tlkit.explore.figures import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, Picture, as_html, choice, explorable, new_figure, quiet_axes
from tlkit.spans import entity_errors, entity_scores, spans

SOURCE_TABLE = (
    ("B-LOC", 0.926, 0.906, 1668), ("I-LOC", 0.900, 0.805, 257), ("B-MISC", 0.875, 0.856, 702), ("I-MISC", 0.838, 0.782, 216),
    ("B-ORG", 0.914, 0.898, 1661), ("I-ORG", 0.911, 0.894, 835), ("B-PER", 0.964, 0.957, 1617), ("I-PER", 0.983, 0.980, 1156),
    ("O", 0.993, 0.995, 38323),
)  # fmt: skip
"""Rows of the source's report: tag, precision, recall, support."""

SENTENCES = (
    (("Maria", "Lopez", "flew", "from", "New", "York", "to", "Osaka", "."), ("B-PER", "I-PER", "O", "O", "B-LOC", "I-LOC", "O", "B-LOC", "O")),
    (("The", "Red", "Cross", "thanked", "Amina", "Diallo", "of", "Dakar", "."), ("O", "B-ORG", "I-ORG", "O", "B-PER", "I-PER", "O", "B-LOC", "O")),
    (("Nobody", "in", "Bergen", "had", "read", "the", "Saga", "of", "Njal", "."), ("O", "O", "B-LOC", "O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O")),
)  # fmt: skip
_COLOURS = {"PER": SKY, "LOC": ORANGE, "ORG": GREEN, "MISC": PINK}


def _shortened(tags):
    """The first entity of several words loses its last one."""
    said = list(tags)
    span = next(span for span in spans(tags) if span.end - span.start > 1)
    said[span.end - 1] = "O"
    return said


def _lengthened(tags):
    """The first entity runs into the next word."""
    said = list(tags)
    span = next(span for span in spans(tags) if span.end < len(tags) and tags[span.end] == "O")
    said[span.end] = f"I-{span.type}"
    return said


def _renamed(tags):
    said, span = list(tags), spans(tags)[0]
    other = "ORG" if span.type != "ORG" else "LOC"
    said[span.start : span.end] = [f"{tag[:2]}{other}" for tag in said[span.start : span.end]]
    return said


def _without_beginning(tags):
    said, span = list(tags), spans(tags)[0]
    said[span.start] = f"I-{span.type}"
    return said


def _missed(tags):
    said, span = list(tags), spans(tags)[-1]
    said[span.start : span.end] = ["O"] * (span.end - span.start)
    return said


def _invented(tags):
    said = list(tags)
    said[len(tags) - 1] = "B-LOC"
    return said


MISTAKES = {
    "none": list, "one word short": _shortened, "one word long": _lengthened, "wrong type": _renamed, "I where B is due": _without_beginning,
    "one missed": _missed, "one invented": _invented, "O everywhere": lambda tags: ["O"] * len(tags),
}  # fmt: skip


def draw_source_table(rows=SOURCE_TABLE):
    """F1 of each tag, and how many tokens have it."""
    figure = new_figure(9.0, 3.4)
    left, right = figure.subplots(1, 2)
    tags = [tag for tag, *_ in rows]
    f1 = [2 * precision * recall / (precision + recall) for _, precision, recall, _ in rows]
    left.barh(tags, f1, color=[GREY if tag == "O" else BLUE for tag in tags])
    left.axvline(0.973, color=RED, linestyle="--", linewidth=1.2)
    left.text(0.972, -0.9, "“0.973”", color=RED, ha="right", va="center", fontsize=9)
    left.set(xlim=(0.75, 1.0), xlabel="F1 of the tag's tokens", title="scores of the source's table")
    right.barh(tags, [support for *_, support in rows], color=[GREY if tag == "O" else BLUE for tag in tags])
    right.set(xlabel="tokens with this tag", title="and how many tokens they speak for")
    for axes in (left, right):
        axes.set_ylim(len(tags) - 0.4, -1.4)
        quiet_axes(axes)
    return figure


def source_table() -> Picture:
    """The source's table as a picture."""
    said = "; ".join(f"{tag} precision {precision}, recall {recall}, {support} tokens" for tag, precision, recall, support in SOURCE_TABLE)
    return Picture(draw_source_table(), f"The source's table of scores by tag: {said}. It prints a micro average of 0.973.")


def draw_spans(words, gold, said):
    """A sentence with the entities that are there above the words, and those that were named below them.

    Args:
        words: W of them.
        gold, said: BIO tags, one a word.
    Returns:
        A matplotlib figure.
    """
    widths = [max(len(word), 5) + 1.5 for word in words]
    starts = [sum(widths[:place]) for place in range(len(words) + 1)]
    figure = new_figure(min(11.0, 0.115 * starts[-1] + 1.6), 1.9)
    axes = figure.subplots()
    right = set(spans(gold)) & set(spans(said))
    for place, word in enumerate(words):
        axes.text((starts[place] + starts[place + 1]) / 2, 0, word, ha="center", va="center", fontsize=11)
    for height, tags, label in ((0.75, gold, "is there"), (-0.75, said, "was named")):
        axes.text(-1.5, height, label, ha="right", va="center", fontsize=9, color=GREY)
        for span in spans(tags):
            left, end, good = starts[span.start] + 0.3, starts[span.end] - 0.3, span in right
            axes.add_patch(Rectangle((left, height - 0.26), end - left, 0.52, facecolor=_COLOURS.get(span.type, GREY), alpha=0.55,
                                     edgecolor="black", linewidth=1.8 if good else 1.0, linestyle="-" if good else (0, (3, 2))))
            axes.text((left + end) / 2, height, span.type + (" ✓" if good else " ✗"), ha="center", va="center", fontsize=9)
    axes.set(xlim=(-9, starts[-1] + 1), ylim=(-1.15, 1.15))
    axes.axis("off")
    return figure


def words_of_spans(gold, said) -> str:
    """Both scores of one sentence, and its errors by kind, in a sentence."""
    precision, recall, f1 = entity_scores([said], [gold])
    errors = entity_errors([said], [gold])
    counts = ", ".join(f"{len(found)} {name}" for name, found in zip(errors._fields, errors) if found) or "none"
    accuracy = sum(one == other for one, other in zip(gold, said)) / len(gold)
    return (f"Token accuracy {accuracy:.2f}. Whole entities: precision {precision:.2f}, recall {recall:.2f}, F1 {f1:.2f}. "
            f"Entities by what became of them: {counts}.")


def explore_spans():
    """Choose a sentence and a mistake; both scores follow."""

    def draw(sentence, mistake):
        words, gold = SENTENCES[sentence]
        said = MISTAKES[mistake](gold)
        table = "".join(f"<tr><th scope='row'>{label}</th>{''.join(f'<td>{escape(each)}</td>' for each in row)}</tr>"
                        for label, row in (("word", words), ("gold", gold), ("named", said)))
        return as_html(draw_spans(words, gold, said), "Entities above and below a sentence; the tags stand in the table below.") + (
            f"<p>{words_of_spans(gold, said)}</p><table>{table}</table>")

    return explorable(draw, {
        "sentence": choice("sentence", [(" ".join(words[:3]) + " ...", place) for place, (words, _) in enumerate(SENTENCES)], 0),
        "mistake": choice("mistake", list(MISTAKES), "one word short"),
    }, "Entities of a sentence, as they are and as they were named")


def entities_of(words, gold, said) -> Picture:
    """One sentence of a model's, as a picture with its scores in words."""
    return Picture(draw_spans(words, gold, said), " ".join(words) + ". " + words_of_spans(gold, said))
