"""Right answers to the exercises of unit 08, written in other ways."""

from tlkit.spans import spans


def align_by_roll(words, tags):
    import torch

    before = torch.cat([words.new_full((1,), -1), words[:-1]])
    begins = (words >= 0) & (words != before)
    return torch.where(begins, tags[words.clamp(min=0)], torch.full_like(words, -100))


def align_by_last_seen(words, tags):
    import torch

    seen, targets = set(), []
    for word in words.tolist():
        targets.append(int(tags[word]) if word >= 0 and word not in seen else -100)
        seen.add(word)
    return torch.tensor(targets)


def align_by_unique(words, tags):
    import numpy as np
    import torch

    numbers = words.numpy()
    targets = np.full(len(numbers), -100)
    found, first = np.unique(numbers, return_index=True)
    for word, place in zip(found, first):
        if word >= 0:
            targets[place] = int(tags[word])
    return torch.from_numpy(targets)


def spans_by_search(tags):
    found = []
    for start, tag in enumerate(tags):
        if not tag.startswith("B-"):
            continue
        end = start + 1
        while end < len(tags) and tags[end] == "I-" + tag[2:]:
            end += 1
        found.append((tag[2:], start, end))
    return found


def spans_by_regular_expression(tags):
    import re

    letters = {tag: chr(0x4E00 + number) for number, tag in enumerate(sorted(set(tags)))}
    text = "".join(letters[tag] for tag in tags)
    found = []
    for tag, letter in letters.items():
        if tag.startswith("B-"):
            behind = letters.get("I-" + tag[2:])
            pattern = re.escape(letter) + (re.escape(behind) + "*" if behind else "")
            found += [(tag[2:], match.start(), match.end()) for match in re.finditer(pattern, text)]
    return sorted(found, key=lambda span: span[1])


def spans_by_list(tags):
    found = []
    for place, tag in enumerate(tags):
        kind = tag[2:]
        if tag[0] == "B":
            found.append([kind, place, place + 1])
        elif tag[0] == "I" and found and found[-1][0] == kind and found[-1][2] == place:
            found[-1][2] += 1
    return [tuple(span) for span in found]


def scores_by_counting(predicted, gold):
    right = named = there = 0
    for ours, theirs in zip(predicted, gold):
        one, other = spans(ours), spans(theirs)
        right += len([span for span in one if span in other])
        named += len(one)
        there += len(other)
    precision = right / named if named else 0.0
    recall = right / there if there else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return precision, recall, f1


def scores_by_counter(predicted, gold):
    from collections import Counter

    named, there = (Counter((number, span) for number, tags in enumerate(side) for span in spans(tags)) for side in (predicted, gold))
    right, all_named, all_there = (named & there).total(), named.total(), there.total()
    return [right / max(all_named, 1), right / max(all_there, 1), 2 * right / max(all_named + all_there, 1)]


def scores_by_false_ones(predicted, gold):
    right = invented = missed = 0
    for ours, theirs in zip(predicted, gold):
        one, other = set(spans(ours)), set(spans(theirs))
        right, invented, missed = right + len(one & other), invented + len(one - other), missed + len(other - one)
    share = lambda top, bottom: top / bottom if bottom else 0.0
    return share(right, right + invented), share(right, right + missed), share(2 * right, 2 * right + invented + missed)


def accuracy_by_numpy(rows):
    import numpy as np

    recall, support = (np.array([row[column] for row in rows], float) for column in (2, 3))
    if support.sum() == 0:
        raise ValueError("no tokens")
    return recall @ support / support.sum()


def accuracy_by_average(rows):
    import numpy as np

    if sum(row[3] for row in rows) == 0:
        raise ValueError("no tokens")
    return np.average([row[2] for row in rows], weights=[row[3] for row in rows])


def accuracy_by_wrong_ones(rows):
    tokens = wrong = 0
    for _, _, recall, support in rows:
        tokens += support
        wrong += (1 - recall) * support
    if not tokens:
        raise ValueError("no tokens")
    return 1 - wrong / tokens


def bounds_by_loop(rows):
    there = named = right = wrong = 0.0
    for tag, precision, recall, support in rows:
        true = recall * support
        if tag[:2] == "B-":
            there, named, right = there + support, named + true / precision, right + true
        elif tag[:2] == "I-":
            wrong += (support - true) + (true / precision - true)
    if there == 0:
        raise ValueError("no entity in the table")
    low = 2 * (right - wrong) / (there + named)
    return (low if low > 0 else 0.0), 2 * right / (there + named)


def bounds_by_numpy(rows):
    import numpy as np

    tags = np.array([row[0][0] for row in rows])
    precision, recall, support = (np.array([row[column] for row in rows], float) for column in (1, 2, 3))
    if not (tags == "B").any():
        raise ValueError("no row begins an entity")
    true = recall * support
    given = true / precision
    total = (support + given)[tags == "B"].sum()
    wrong = (support + given - 2 * true)[tags == "I"].sum()
    high = 2 * true[tags == "B"].sum() / total
    return np.array([max(high - 2 * wrong / total, 0.0), high])


def bounds_by_counts(rows):
    table = {tag: (recall * support, recall * support / precision, support) for tag, precision, recall, support in rows}
    begins = [row for tag, row in table.items() if tag.startswith("B-")]
    if len(begins) == 0:
        raise ValueError("nothing begins")
    inside = [row for tag, row in table.items() if tag.startswith("I-")]
    right, named, there = map(sum, zip(*begins))
    spoiled = sum(there_ - right_ + named_ - right_ for right_, named_, there_ in inside)
    return [2 * max(right - spoiled, 0) / (named + there), 2 * right / (named + there)]


def bio2_by_index(tags):
    converted = []
    for place, tag in enumerate(tags):
        follows = place > 0 and tags[place - 1][2:] == tag[2:]
        converted.append(tag if tag == "O" or tag[0] == "B" or follows else "B-" + tag[2:])
    return converted


def bio2_by_pairs(tags):
    return ["B-" + tag[2:] if tag[0] == "I" and tag[2:] != before[2:] else tag for before, tag in zip(["O", *tags], tags)]


def bio2_by_group(tags):
    from itertools import groupby

    converted = []
    for kind, group in groupby(tags, key=lambda tag: tag[2:]):
        for place, tag in enumerate(group):
            converted.append("O" if not kind else ("B-" if place == 0 or tag[0] == "B" else "I-") + kind)
    return converted


def became_by_words(span, named):
    words = set(range(span[1], span[2]))
    near = [other for other in named if words & set(range(other[1], other[2]))]
    for other in near:
        if list(other) == list(span):
            return "right"
    for other in near:
        if set(range(other[1], other[2])) == words:
            return "type"
    for other in near:
        if other[0] == span[0]:
            return "boundary"
    return "both" if len(near) > 0 else "missed"


def became_by_rank(span, named):
    ranks = ["right", "type", "boundary", "both", "missed"]
    best = 4
    for kind, start, end in named:
        if end <= span[1] or start >= span[2]:
            continue
        same_words, same_kind = (start, end) == (span[1], span[2]), kind == span[0]
        best = min(best, 0 if same_words and same_kind else 1 if same_words else 2 if same_kind else 3)
    return ranks[best]


def became_by_max(span, named):
    near = [other for other in named if max(span[1], other[1]) < min(span[2], other[2])]
    if not near:
        return "missed"
    if any(tuple(other) == tuple(span) for other in near):
        return "right"
    if any(other[1] == span[1] and other[2] == span[2] for other in near):
        return "type"
    return "boundary" if span[0] in [other[0] for other in near] else "both"


def cut_off_by_cumsum(tags, pieces, room):
    import numpy as np

    begins = np.concatenate([[0], np.cumsum(pieces)[:-1]])
    return len([span for span in spans(tags) if begins[span[2] - 1] >= room])


def cut_off_by_kept_tags(tags, pieces, room):
    import itertools

    begins = [0, *itertools.accumulate(pieces)]
    read = [begin < room for begin in begins[: len(tags)]]
    return sum(not all(read[start:end]) for _, start, end in spans(tags))


def cut_off_by_sum(tags, pieces, room):
    lost = 0
    for _, start, end in spans(tags):
        if sum(pieces[: end - 1]) >= room:
            lost += 1
    return lost


ALTERNATIVES = {
    "08.align": (align_by_roll, align_by_last_seen, align_by_unique),
    "08.spans": (spans_by_search, spans_by_regular_expression, spans_by_list),
    "08.scores": (scores_by_counting, scores_by_counter, scores_by_false_ones),
    "08.token_accuracy": (accuracy_by_numpy, accuracy_by_average, accuracy_by_wrong_ones),
    "08.bounds": (bounds_by_loop, bounds_by_numpy, bounds_by_counts),
    "08.bio2": (bio2_by_index, bio2_by_pairs, bio2_by_group),
    "08.became": (became_by_words, became_by_rank, became_by_max),
    "08.cut_off": (cut_off_by_cumsum, cut_off_by_kept_tags, cut_off_by_sum),
}

EQUIVALENT_MUTANTS = {
    "08.align": {
        **dict.fromkeys(("before = torch.cat([words.new_full((1,), 1), words[:-1]])", "before = torch.cat([words.new_full((1,), -2), words[:-1]])",
                         "before = torch.cat([words.new_full((1,), --1), words[:-1]])"), "the first token is a special one, whatever is before it"),
        "return torch.where(begins, tags[words.clamp(min=-1)], torch.full_like(words, -100))": "what is looked up for special tokens is not taken",
    },
    "08.spans": {
        **dict.fromkeys(("letters = {tag: chr(19968 - number) for number, tag in enumerate(sorted(set(tags)))}",
                         "letters = {tag: chr(number) for number, tag in enumerate(sorted(set(tags)))}",
                         "letters = {tag: chr(19969 + number) for number, tag in enumerate(sorted(set(tags)))}",
                         "letters = {tag: chr(19968 + number) for number, tag in enumerate(set(tags))}"), "any letters will do"),
        **dict.fromkeys(("return sorted(found, key=lambda span: span[2])", "return sorted(found, key=lambda span: span[-1])"),
                        "spans that do not overlap end in the order in which they begin"),
    },
    "08.scores": {
        **dict.fromkeys(("f1 = 2 * precision * recall / (precision + recall) if precision else 0.0",
                         "f1 = 2 * precision * recall / (precision + recall) if recall else 0.0"), "both are 0 or none is"),
        "return [right / max(all_named, 1), right / max(all_there, 1), 2 * right / max(all_named + all_there, 2)]":
            "where only one is named or there, none is right",
    },
    "08.token_accuracy": {
        "recall, support = (np.array([row[column] for row in rows]) for column in (2, 3))": "numpy divides whole numbers as well",
        **dict.fromkeys(("recall, support = (np.array([row[column] for row in rows], float) for column in (-2, 3))",
                         "return np.average([row[-2] for row in rows], weights=[row[3] for row in rows])"), "a row has four columns"),
    },
    "08.bounds": {
        "return (low if low >= 0 else 0.0, 2 * right / (there + named))": "at equality both ways give 0",
        "precision, recall, support = (np.array([row[column] for row in rows]) for column in (1, 2, 3))": "numpy divides whole numbers as well",
        "precision, recall, support = (np.array([row[column] for row in rows], float) for column in (1, -2, 3))": "a row has four columns",
        **dict.fromkeys(("dropped: if len(begins) == 0:\n    raise ValueError('nothing begins')", "dropped: raise ValueError('nothing begins')", "if len(begins) == -1:"),
                        "to take nothing apart into three is a ValueError as well"),
    },
    "08.bio2": dict.fromkeys(("converted.append(tag if tag == 'O' or tag[1] == 'B' or follows else 'B-' + tag[2:])",
                              "converted.append(tag if tag == 'O' or tag[-1] == 'B' or follows else 'B-' + tag[2:])"),
                             "a B gets the B that it has"),
    "08.cut_off": dict.fromkeys(("begins = np.concatenate([[-1], np.cumsum(pieces)[:-1]])", "begins = [-1, *itertools.accumulate(pieces)]"),
                                "there is room for one token at least"),
}
