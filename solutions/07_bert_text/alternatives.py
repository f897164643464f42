"""Right answers to the exercises of unit 07, written in other ways."""


def labels_by_index(names, classes):
    import numpy as np

    return np.array([list(classes).index(name) for name in names], dtype=np.int64)


def labels_by_loop(names, classes):
    import numpy as np

    numbers = np.empty(len(names), np.int64)
    for place, name in enumerate(names):
        if name not in classes:
            raise ValueError(f"{name} is no class")
        numbers[place] = next(number for number, known in enumerate(classes) if known == name)
    return numbers


def labels_by_get(names, classes):
    import numpy as np

    label2id = dict(zip(classes, range(len(classes))))
    found = [label2id.get(name) for name in names]
    if None in found:
        raise ValueError("a name is no class")
    return np.array(found, np.int64)


def epoch_loss_by_loop(batch_losses, batch_sizes):
    total, count = 0.0, 0
    for loss, size in zip(batch_losses, batch_sizes):
        total += loss * size
        count += size
    if not count:
        raise ValueError("no texts")
    return total / count


def epoch_loss_by_dot(batch_losses, batch_sizes):
    import numpy as np

    if sum(batch_sizes) == 0:
        raise ValueError("no texts")
    return float(np.dot(batch_losses, batch_sizes) / np.sum(batch_sizes))


def epoch_loss_by_repetition(batch_losses, batch_sizes):
    import numpy as np

    each = np.repeat(batch_losses, batch_sizes)
    if each.size == 0:
        raise ValueError("no texts")
    return each.mean()


def pad_by_extension(rows, pad_token):
    import torch

    if not rows:
        raise ValueError("no rows")
    longest = max(map(len, rows))
    tokens = [list(row) + [pad_token] * (longest - len(row)) for row in rows]
    mask = [[True] * len(row) + [False] * (longest - len(row)) for row in rows]
    return torch.tensor(tokens), torch.tensor(mask)


def pad_by_lengths(rows, pad_token):
    import torch

    lengths = torch.tensor([len(row) for row in rows])
    if lengths.numel() == 0:
        raise ValueError("no rows")
    mask = torch.arange(lengths.max())[None] < lengths[:, None]
    tokens = torch.full(mask.shape, pad_token)
    tokens[mask] = torch.tensor([token for row in rows for token in row])
    return tokens, mask


def pad_by_zip(rows, pad_token):
    from itertools import zip_longest

    import torch

    if len(rows) == 0:
        raise ValueError("no rows")
    columns = list(zip_longest(*rows))
    tokens = torch.tensor([[pad_token if token is None else token for token in column] for column in columns]).T
    return tokens, torch.tensor([[token is not None for token in column] for column in columns]).T


def pool_by_loop(hidden, mask):
    import torch

    rows = [vectors[valid].mean(dim=0) if valid.any() else vectors.new_zeros(vectors.shape[1]) for vectors, valid in zip(hidden, mask)]
    return torch.stack(rows)


def pool_by_einsum(hidden, mask):
    import torch

    weights = mask.to(hidden.dtype)
    return torch.einsum("bth,bt->bh", hidden, weights) / weights.sum(dim=1, keepdim=True).clamp(min=1)


def pool_by_shares(hidden, mask):
    shares = mask / mask.sum(dim=1, keepdim=True).clamp(min=1)
    return (shares.to(hidden.dtype).unsqueeze(1) @ hidden).squeeze(1)


def truncation_by_loop(pieces, max_length, special):
    cut = lost = 0
    for count in pieces:
        over = count + special - max_length
        if over > 0:
            cut += 1
            lost += over
    if not len(pieces):
        raise ValueError("no texts")
    return cut / len(pieces), lost


def truncation_by_list(pieces, max_length, special):
    if len(pieces) == 0:
        raise ValueError("no texts")
    over = [count - (max_length - special) for count in pieces if count > max_length - special]
    return len(over) / len(pieces), sum(over)


def truncation_by_kept(pieces, max_length, special):
    import numpy as np

    whole = np.array(pieces)
    if whole.size == 0:
        raise ValueError("no texts")
    kept = whole.clip(max=max_length - special)
    return np.mean(kept != whole), int((whole - kept).sum())


def prototypes_by_sums(features, labels, class_count):
    import torch

    if len(set(labels.tolist())) < class_count:
        raise ValueError("a class has no text")
    sums = torch.zeros(class_count, features.shape[1], dtype=features.dtype).index_add(0, labels, features)
    return sums / sums.norm(dim=1, keepdim=True)


def prototypes_by_one_hot(features, labels, class_count):
    import torch
    from torch.nn import functional as F

    member = F.one_hot(labels, class_count).to(features.dtype)
    if (member.sum(dim=0) == 0).any():
        raise ValueError("a class has no text")
    return F.normalize(member.T @ features, dim=1)


def prototypes_by_list(features, labels, class_count):
    import torch

    groups = [[vector for vector, label in zip(features, labels) if label == number] for number in range(class_count)]
    if not all(groups):
        raise ValueError("a class has no text")
    means = torch.stack([torch.stack(group).mean(dim=0) for group in groups])
    return means / means.square().sum(dim=1, keepdim=True).sqrt()


def attention_by_large_number(queries, keys, mask):
    import torch

    scores = torch.einsum("btd,bsd->bts", queries, keys) / queries.shape[2] ** 0.5
    return torch.softmax(scores + (~mask).unsqueeze(1) * -1e9, dim=2)


def attention_by_exponentials(queries, keys, mask):
    import math

    scores = queries @ keys.transpose(1, 2) / math.sqrt(queries.shape[2])
    scores = scores.exp() * mask[:, None, :]
    return scores / scores.sum(dim=2, keepdim=True)


def attention_by_rows(queries, keys, mask):
    import torch

    weights = torch.zeros(len(queries), queries.shape[1], queries.shape[1], dtype=queries.dtype)
    for number, valid in enumerate(mask):
        scores = queries[number] @ keys[number][valid].T * queries.shape[2] ** -0.5
        weights[number, :, valid] = scores.softmax(dim=1)
    return weights


ALTERNATIVES = {
    "07.labels": (labels_by_index, labels_by_loop, labels_by_get),
    "07.epoch_loss": (epoch_loss_by_loop, epoch_loss_by_dot, epoch_loss_by_repetition),
    "07.pad": (pad_by_extension, pad_by_lengths, pad_by_zip),
    "07.pool": (pool_by_loop, pool_by_einsum, pool_by_shares),
    "07.audit": (truncation_by_loop, truncation_by_list, truncation_by_kept),
    "07.prototypes": (prototypes_by_sums, prototypes_by_one_hot, prototypes_by_list),
    "07.attention": (attention_by_large_number, attention_by_exponentials, attention_by_rows),
}

EQUIVALENT_MUTANTS = {
    "07.labels": dict.fromkeys(("return np.array([list(classes).index(name) for name in names])", "return np.array(found)"),
                               "whole numbers are int64 without being told; of no names none is there"),
    "07.epoch_loss": {
        "return float(np.dot(batch_sizes, batch_losses) / np.sum(batch_sizes))": "a product does not mind the order",
    },
    "07.pad": dict.fromkeys(("dropped: if not rows:\n    raise ValueError('no rows')", "dropped: raise ValueError('no rows')"),
                            "the largest of nothing is a ValueError as well"),
    "07.pool": {
        "rows = [vectors[valid].mean(dim=0) if valid.any() else vectors.new_zeros(vectors.shape[-1]) for vectors, valid in zip(hidden, mask)]":
            "a text's vectors have two axes, of which the last is the second",
        **dict.fromkeys(("return torch.einsum('bth,bt->bh', hidden, weights) / weights.sum(dim=-1, keepdim=True).clamp(min=1)",
                         "shares = mask / mask.sum(dim=-1, keepdim=True).clamp(min=1)"), "a mask has two axes, of which the last is the second"),
    },
    "07.prototypes": {
        **dict.fromkeys(("return sums / sums.norm(dim=-1, keepdim=True)", "return F.normalize(member.T @ features, dim=-1)",
                         "return means / means.square().sum(dim=-1, keepdim=True).sqrt()",
                         "sums = torch.zeros(class_count, features.shape[-1], dtype=features.dtype).index_add(0, labels, features)"),
                        "a matrix has two axes, of which the last is the second"),
        "return F.normalize(member.T @ features)": "axis 1 is what it takes by default",
    },
    "07.attention": {
        "return torch.softmax(scores + (~mask).unsqueeze(1) * -1000000001.0, dim=2)": "any number so far below zero will do",
        "scores = queries @ keys.transpose(2, 1) / math.sqrt(queries.shape[2])": "two axes are swapped in either order",
        "weights[number, :, valid] = scores.softmax(dim=-1)": "a matrix has two axes, of which the last is the second",
    },
}
