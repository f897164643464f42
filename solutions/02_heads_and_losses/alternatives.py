"""Right answers to unit 02, written other ways: the grader must accept every one of them."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

_SOFTMAX = {"loss": "cross-entropy", "answer": "largest"}
_SIGMOID = {"loss": "binary cross-entropy", "answer": "above 0"}

ends_written_out = {
    "digit": {"outputs": 10, "loss": "cross-entropy", "answer": "largest"},
    "cultivar": {"outputs": 3, "loss": "cross-entropy", "answer": "largest"},
    "findings": {"outputs": 14, "loss": "binary cross-entropy", "answer": "above 0"},
    "progression": {"outputs": 1, "loss": "squared error", "answer": "itself"},
    "tags": {"outputs": 9, "loss": "cross-entropy", "answer": "largest"},
    "next token": {"outputs": 5000, "loss": "cross-entropy", "answer": "largest"},
}
ends_put_together = {
    **{name: {"outputs": size, **_SOFTMAX} for name, size in (("next token", 5_000), ("tags", 1 + 2 * 4), ("digit", 10), ("cultivar", 3))},
    "findings": {"outputs": 14, **_SIGMOID}, "progression": dict(outputs=1, loss="squared error", answer="itself"),
}
ends_with_numbers_of_numpy = {name: {**end, "outputs": np.int64(end["outputs"])} for name, end in ends_written_out.items()}


def entropy_logsumexp(logits, labels):
    return (torch.logsumexp(logits, dim=1) - logits[range(len(labels)), labels]).mean()


def entropy_shifted(logits, labels):
    largest = logits.max(dim=1, keepdim=True).values
    log_sum = torch.log(torch.exp(logits - largest).sum(dim=1)) + largest.squeeze(1)
    return torch.mean(log_sum - torch.gather(logits, 1, labels.unsqueeze(1)).squeeze(1))


def entropy_one_hot(logits, labels):
    wanted = functional.one_hot(labels, num_classes=logits.shape[-1])
    return -torch.where(wanted == 1, functional.log_softmax(logits, dim=-1), 0.0).sum() / logits.shape[0]


def entropy_loop(logits, labels):
    total = torch.zeros((), dtype=logits.dtype)
    for z, y in zip(logits, labels):
        shifted = z - z.max()
        total = total - (shifted[y] - torch.log(torch.exp(shifted).sum()))
    return total / len(labels)


def entropy_one_example_at_a_time(logits, labels):
    return torch.stack([torch.logsumexp(row - row[label], 0) for row, label in zip(logits, labels)]).mean()


def bce_logsigmoid(logits, targets, positive_weights):
    log_p = functional.logsigmoid(logits)
    log_not_p = functional.logsigmoid(-logits)
    return -(positive_weights * targets * log_p + (1 - targets) * log_not_p).mean()


def bce_one_minus(logits, targets, positive_weights):
    losses = (1 - targets) * logits + (1 + (positive_weights - 1) * targets) * functional.softplus(-logits)
    return losses.sum() / losses.numel()


def bce_where(logits, targets, positive_weights):
    z = torch.where(targets == 1, logits, -logits)
    weight = torch.where(targets == 1, positive_weights.expand_as(targets), torch.ones_like(targets))
    return torch.mean(weight * torch.logaddexp(torch.zeros_like(z), -z))


def bce_loop(logits, targets, positive_weights):
    columns = []
    for c in range(logits.shape[1]):
        z, y = logits[:, c], targets[:, c]
        small = torch.log1p(torch.exp(-z.abs()))
        columns.append(positive_weights[c] * y * ((-z).clamp(min=0) + small) + (1 - y) * (z.clamp(min=0) + small))
    return torch.stack(columns).mean()


def places_chosen(logits, labels):
    chosen = labels != -100
    log_p = torch.log_softmax(logits[chosen], dim=1)
    return -log_p[torch.arange(len(log_p)), labels[chosen]].mean()


def places_masked(logits, labels):
    counts = labels != -100
    losses = torch.logsumexp(logits, 2) - logits.gather(2, labels.masked_fill(~counts, 0).unsqueeze(2)).squeeze(2)
    return (losses * counts).sum() / counts.sum()


def places_loop(logits, labels):
    losses = [torch.logsumexp(logits[b, t], 0) - logits[b, t, labels[b, t]]
              for b in range(len(labels)) for t in range(labels.shape[1]) if labels[b, t] != -100]
    return torch.stack(losses).mean() if losses else torch.tensor(float("nan"))


def places_one_hot(logits, labels):
    z, y = logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)
    z, y = z[y >= 0], y[y >= 0]
    return -(functional.log_softmax(z, -1) * functional.one_hot(y, z.shape[1])).sum() / len(y)


def token_loss(logits, labels):
    return places_chosen(logits, labels)


def next_by_token_loss(logits, tokens, is_asked):
    labels = torch.where(is_asked, tokens, -100)
    return token_loss(logits[:, :-1], labels[:, 1:])


def next_chosen(logits, tokens, is_asked):
    asked = is_asked[:, 1:]
    log_p = torch.log_softmax(logits[:, :-1][asked], dim=-1)
    return -log_p.gather(1, tokens[:, 1:][asked][:, None]).mean()


def next_loop(logits, tokens, is_asked):
    losses = []
    for b, sequence in enumerate(tokens.tolist()):
        for t in range(1, len(sequence)):
            if is_asked[b, t]:
                losses.append(-torch.log_softmax(logits[b, t - 1], dim=0)[sequence[t]])
    return sum(losses) / len(losses) if losses else torch.tensor(torch.nan)


def next_weighted(logits, tokens, is_asked):
    z, y, m = logits[:, :-1], tokens[:, 1:], is_asked[:, 1:].to(logits.dtype)
    each = torch.logsumexp(z, dim=-1) - z.gather(-1, y[..., None])[..., 0]
    return torch.sum(m * each) / torch.sum(m)


def smooth_rows(logits, labels, label_smoothing):
    wanted = torch.full_like(logits, label_smoothing / logits.shape[1])
    wanted[torch.arange(len(labels)), labels] += 1 - label_smoothing
    return -(wanted * torch.log_softmax(logits, 1)).sum(1).mean()


def smooth_two_terms(logits, labels, label_smoothing):
    log_p = torch.log_softmax(logits, dim=1)
    label, spread = log_p.gather(1, labels[:, None])[:, 0], log_p.mean(dim=1)
    return -((1 - label_smoothing) * label + label_smoothing * spread).mean()


def smooth_logsumexp(logits, labels, label_smoothing):
    own = logits[torch.arange(len(labels)), labels]
    mixed = (1 - label_smoothing) * own + label_smoothing * logits.mean(1)
    return torch.mean(torch.logsumexp(logits, 1) - mixed)


def smooth_loop(logits, labels, label_smoothing):
    losses = []
    for z, y in zip(logits, labels):
        log_p = z - torch.logsumexp(z, 0)
        q = [label_smoothing / len(z) + (1 - label_smoothing) * (c == y) for c in range(len(z))]
        losses.append(-sum(q[c] * log_p[c] for c in range(len(z))))
    return sum(losses) / len(losses)


class HeadOfBuffers(nn.Module):
    def __init__(self, feature_size, mean, unit):
        super().__init__()
        self.linear = nn.Linear(feature_size, 1)
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("unit", torch.tensor(unit))

    def forward(self, features):
        return self.linear(features)[:, 0] * self.unit + self.mean


class HeadWithFloats(nn.Module):
    def __init__(self, feature_size, mean, unit):
        super().__init__()
        for name, value in (("unit", unit), ("mean", mean)):
            self.register_buffer(name, torch.as_tensor(float(value), dtype=torch.float32))
        self.linear = nn.Linear(in_features=feature_size, out_features=1)

    def forward(self, x):
        z = torch.flatten(self.linear(x))
        return torch.add(self.mean, self.unit * z)


class HeadByHand(nn.Module):
    def __init__(self, feature_size, mean, unit):
        nn.Module.__init__(self)
        self.linear = nn.Linear(feature_size, 1)
        self.register_buffer("mean", torch.full((), mean))
        self.register_buffer("unit", torch.full((), unit))

    def forward(self, features):
        return self.mean + self.unit * (features @ self.linear.weight[0] + self.linear.bias)


def balanced_bincount(labels, class_count):
    counts = torch.bincount(labels, minlength=class_count)
    counts[counts == 0] = 1
    return len(labels) / (class_count * counts)


def balanced_loop(labels, class_count):
    return torch.tensor([len(labels) / class_count / max(1, int((labels == c).sum())) for c in range(class_count)], dtype=torch.float64)


def balanced_numpy(labels, class_count):
    counts = np.maximum(np.bincount(labels.numpy(), minlength=class_count), 1)
    return labels.numel() / class_count / counts


def weighted_two_terms(logits, labels, label_smoothing, class_weights):
    log_p, own = torch.log_softmax(logits, 1), class_weights[labels]
    label = own * log_p[torch.arange(len(labels)), labels]
    spread = (class_weights * log_p).mean(1)
    return -((1 - label_smoothing) * label + label_smoothing * spread).sum() / own.sum()


def weighted_rows(logits, labels, label_smoothing, class_weights):
    wanted = (1 - label_smoothing) * functional.one_hot(labels, logits.shape[1]) + label_smoothing / logits.shape[1]
    losses = -torch.einsum("bc,bc,c->b", wanted.to(logits.dtype), functional.log_softmax(logits, -1), class_weights)
    return losses.sum() / class_weights.take(labels).sum()


def weighted_loop(logits, labels, label_smoothing, class_weights):
    total, weight = 0.0, 0.0
    for z, y in zip(logits, labels):
        log_p = z - torch.logsumexp(z, 0)
        total = total - (1 - label_smoothing) * class_weights[y] * log_p[y]
        total = total - label_smoothing / len(z) * torch.dot(class_weights, log_p)
        weight = weight + class_weights[y]
    return total / weight


def huber_where(outputs, targets, delta):
    error = (targets - outputs).abs()
    return torch.where(error <= delta, 0.5 * error**2, delta * (error - 0.5 * delta)).mean()


def huber_clamped(outputs, targets, delta):
    error = (outputs - targets).abs()
    inner = error.clamp(max=delta)
    return (inner * (error - inner / 2)).mean()


def huber_loop(outputs, targets, delta):
    losses = []
    for r in outputs - targets:
        losses.append(r * r / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2))
    return sum(losses) / len(losses)


ALTERNATIVES = {
    "02.choose": (ends_written_out, ends_put_together, ends_with_numbers_of_numpy),
    "02.cross_entropy": (entropy_logsumexp, entropy_shifted, entropy_one_hot, entropy_loop, entropy_one_example_at_a_time),
    "02.multi_label": (bce_logsigmoid, bce_one_minus, bce_where, bce_loop),
    "02.token_loss": (places_chosen, places_masked, places_loop, places_one_hot),
    "02.next_token": (next_by_token_loss, next_chosen, next_loop, next_weighted),
    "02.smoothing": (smooth_rows, smooth_two_terms, smooth_logsumexp, smooth_loop),
    "02.number_head": (HeadOfBuffers, HeadWithFloats, HeadByHand),
    "02.balanced": (balanced_bincount, balanced_loop, balanced_numpy),
    "02.weighted": (weighted_two_terms, weighted_rows, weighted_loop),
    "02.huber": (huber_where, huber_clamped, huber_loop),
}

EQUIVALENT_MUTANTS = {
    "02.number_head": {
        "return self.linear(features)[:, -1] * self.unit + self.mean": "the only column is the last as well",
        "return torch.add(self.unit * z, self.mean)": "a sum does not mind the order",
        "self.register_buffer(name, torch.as_tensor(float(value)))": "float32 is what torch takes by itself",
        "return self.mean + self.unit * (features @ self.linear.weight[-1] + self.linear.bias)": "the only row is the last as well",
    },
    '02.next_token': {
        'log_p = torch.log_softmax(logits[:, :-1][asked], dim=1)': 'the last axis is axis 1, or the only one',
        'log_p = torch.log_softmax(logits[:, :-1][asked], dim=--1)': 'the last axis is axis 1, or the only one',
        'return -log_p.gather(-1, tokens[:, 1:][asked][:, None]).mean()': 'the last axis is axis 1, or the only one',
        'losses.append(-torch.log_softmax(logits[b, t - 1], dim=-1)[sequence[t]])': 'the last axis is axis 1, or the only one',
        'each = torch.logsumexp(z, dim=-1) - z.gather(-1, y[..., None])[..., -1]': 'the last axis is axis 1, or the only one',
    },
    '02.token_loss': {
        'log_p = torch.log_softmax(logits[chosen], dim=-1)': 'the last axis is axis 1, or the only one',
        'losses = torch.logsumexp(logits, 2) - logits.gather(2, labels.masked_fill(~counts, 1).unsqueeze(2)).squeeze(2)': 'what stands at places that do not count is not looked at',
        'losses = [torch.logsumexp(logits[b, t], -1) - logits[b, t, labels[b, t]] for b in range(len(labels)) for t in range(labels.shape[1]) if labels[b, t] != -100]': 'the last axis is axis 1, or the only one',
        'losses = [torch.logsumexp(logits[b, t], 0) - logits[b, t, labels[b, t]] for b in range(len(labels)) for t in range(labels.shape[-1]) if labels[b, t] != -100]': 'the last axis is axis 1, or the only one',
        'z, y = (z[y >= -1], y[y >= 0])': 'no label is -1',
        'z, y = (z[y >= 0], y[y >= -1])': 'no label is -1',
        'return -(functional.log_softmax(z) * functional.one_hot(y, z.shape[1])).sum() / len(y)': 'the last axis is axis 1, or the only one',
        'return -(functional.log_softmax(z, 1) * functional.one_hot(y, z.shape[1])).sum() / len(y)': 'the last axis is axis 1, or the only one',
        'return -(functional.log_softmax(z, --1) * functional.one_hot(y, z.shape[1])).sum() / len(y)': 'the last axis is axis 1, or the only one',
        'return -(functional.log_softmax(z, -1) * functional.one_hot(y, z.shape[-1])).sum() / len(y)': 'the last axis is axis 1, or the only one',
    },
    '02.multi_label': {
        'return torch.mean(weight * torch.logaddexp(-z, torch.zeros_like(z)))': 'a sum does not mind the order',
        'for c in range(logits.shape[-1]):': 'the last axis is axis 1, or the only one',
    },
    '02.balanced': {
        'return torch.tensor([len(labels) / class_count / max(1, int((labels == c).sum())) for c in range(class_count)])': 'float32 is near enough',
    },
    '02.smoothing': {
        'wanted = torch.full_like(logits, label_smoothing / logits.shape[-1])': 'the last axis is axis 1, or the only one',
        'return -(wanted * torch.log_softmax(logits, 1)).sum(-1).mean()': 'the last axis is axis 1, or the only one',
        'return -(wanted * torch.log_softmax(logits, -1)).sum(1).mean()': 'the last axis is axis 1, or the only one',
        'label, spread = (log_p.gather(1, labels[:, None])[:, 0], log_p.mean())': 'a mean of means over equal rows is the mean',
        'log_p = torch.log_softmax(logits, dim=-1)': 'the last axis is axis 1, or the only one',
        'label, spread = (log_p.gather(-1, labels[:, None])[:, 0], log_p.mean(dim=1))': 'the last axis is axis 1, or the only one',
        'label, spread = (log_p.gather(1, labels[:, None])[:, -1], log_p.mean(dim=1))': 'the last axis is axis 1, or the only one',
        'label, spread = (log_p.gather(1, labels[:, None])[:, 0], log_p.mean(dim=-1))': 'the last axis is axis 1, or the only one',
        'mixed = (1 - label_smoothing) * own + label_smoothing * logits.mean(-1)': 'the last axis is axis 1, or the only one',
        'return torch.mean(torch.logsumexp(logits, -1) - mixed)': 'the last axis is axis 1, or the only one',
        'log_p = z - torch.logsumexp(z, -1)': 'the last axis is axis 1, or the only one',
    },
    '02.weighted': {
        'log_p = z - torch.logsumexp(z, -1)': 'the last axis is axis 1, or the only one',
        'total = total - label_smoothing / len(z) * torch.dot(log_p, class_weights)': 'a dot product does not mind the order',
        'spread = (class_weights * log_p).mean(-1)': 'the last axis is axis 1, or the only one',
        'log_p, own = (torch.log_softmax(logits, -1), class_weights[labels])': 'the last axis is axis 1, or the only one',
        "losses = -torch.einsum('bc,bc,c->b', wanted.to(logits.dtype), functional.log_softmax(logits), class_weights)": 'the last axis is axis 1, or the only one',
        'wanted = (1 - label_smoothing) * functional.one_hot(labels, logits.shape[1]) + label_smoothing / logits.shape[-1]': 'the last axis is axis 1, or the only one',
        "losses = -torch.einsum('bc,bc,c->b', wanted.to(logits.dtype), functional.log_softmax(logits, 1), class_weights)": 'the last axis is axis 1, or the only one',
        'wanted = (1 - label_smoothing) * functional.one_hot(labels, logits.shape[-1]) + label_smoothing / logits.shape[1]': 'the last axis is axis 1, or the only one',
        "losses = -torch.einsum('bc,bc,c->b', wanted.to(logits.dtype), functional.log_softmax(logits, --1), class_weights)": 'the last axis is axis 1, or the only one',
    },
    '02.cross_entropy': {
        'return (torch.logsumexp(logits, dim=-1) - logits[range(len(labels)), labels]).mean()': 'the last axis is axis 1, or the only one',
        'log_sum = torch.log(torch.exp(logits - largest).sum(dim=1)) + largest.squeeze(-1)': 'the last axis is axis 1, or the only one',
        'largest = logits.max(dim=-1, keepdim=True).values': 'the last axis is axis 1, or the only one',
        'return torch.mean(log_sum - torch.gather(logits, 1, labels.unsqueeze(1)).squeeze(-1))': 'the last axis is axis 1, or the only one',
        'log_sum = torch.log(torch.exp(logits - largest).sum(dim=-1)) + largest.squeeze(1)': 'the last axis is axis 1, or the only one',
        'return torch.mean(log_sum - torch.gather(logits, -1, labels.unsqueeze(1)).squeeze(1))': 'the last axis is axis 1, or the only one',
        'return torch.mean(log_sum - torch.gather(logits, 1, labels.unsqueeze(-1)).squeeze(1))': 'the last axis is axis 1, or the only one',
        'wanted = functional.one_hot(labels, num_classes=logits.shape[1])': 'the last axis is axis 1, or the only one',
        'wanted = functional.one_hot(labels, num_classes=logits.shape[--1])': 'the last axis is axis 1, or the only one',
        'return -torch.where(wanted == 1, functional.log_softmax(logits), 0.0).sum() / logits.shape[0]': 'the last axis is axis 1, or the only one',
        'return -torch.where(wanted == 1, functional.log_softmax(logits, dim=1), 0.0).sum() / logits.shape[0]': 'the last axis is axis 1, or the only one',
        'return -torch.where(wanted == 1, functional.log_softmax(logits, dim=--1), 0.0).sum() / logits.shape[0]': 'the last axis is axis 1, or the only one',
        'total = torch.zeros(())': 'float32 is near enough',
        'return torch.stack([torch.logsumexp(row - row[label], -1) for row, label in zip(logits, labels)]).mean()': 'the last axis is axis 1, or the only one',
    },
    '02.huber': {
        'return torch.where(error < delta, 0.5 * error ** 2, delta * (error - 0.5 * delta)).mean()': 'at delta both pieces agree',
        'losses.append(r * r / 2 if abs(r) < delta else delta * (abs(r) - delta / 2))': 'at delta both pieces agree',
    },
}
