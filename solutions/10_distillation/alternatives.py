"""Right answers to the exercises of unit 10, written in other ways."""


def soft_by_logarithm(logits, temperature):
    import torch

    scaled = logits / temperature
    return torch.exp(scaled - torch.logsumexp(scaled, dim=1, keepdim=True))


def soft_by_row(logits, temperature):
    import torch

    rows = []
    for row in logits:
        weights = ((row - row.max()) / temperature).exp()
        rows.append(weights / weights.sum())
    return torch.stack(rows)


def soft_by_numpy(logits, temperature):
    import numpy as np
    import torch

    scaled = logits.detach().numpy() / temperature
    weights = np.exp(scaled - np.max(scaled, axis=-1)[:, None])
    return torch.from_numpy(weights / np.sum(weights, axis=-1)[:, None])


def soft_in_double(logits, temperature):
    scaled = logits.double() / temperature
    weights = (scaled - scaled.amax(1).unsqueeze(1)).exp()
    return (weights.T / weights.sum(1)).T.to(logits.dtype)


def kd_by_hand(student_logits, teacher_logits, labels, temperature, soft_share):
    import torch

    log_q = torch.log_softmax(student_logits / temperature, 1)
    log_p = torch.log_softmax(teacher_logits / temperature, 1)
    divergence = (log_p.exp() * (log_p - log_q)).sum(1)
    hard = -torch.log_softmax(student_logits, 1)[torch.arange(len(labels)), labels]
    return ((1 - soft_share) * hard + soft_share * temperature**2 * divergence).mean()


def kd_by_entropies(student_logits, teacher_logits, labels, temperature, soft_share):
    import torch
    from torch.nn.functional import cross_entropy

    p = torch.softmax(teacher_logits / temperature, 1)
    entropy = -torch.special.xlogy(p, p).sum(1).mean()
    soft = cross_entropy(student_logits / temperature, p) - entropy
    return cross_entropy(student_logits, labels) * (1 - soft_share) + soft * temperature * temperature * soft_share


def kd_by_torch(student_logits, teacher_logits, labels, temperature, soft_share):
    from torch import nn

    soft = nn.KLDivLoss(reduction="sum")((student_logits / temperature).log_softmax(-1), (teacher_logits / temperature).softmax(-1))
    hard = nn.CrossEntropyLoss()(student_logits, labels)
    return hard + soft_share * (temperature**2 * soft / student_logits.shape[0] - hard)


def kd_by_example(student_logits, teacher_logits, labels, temperature, soft_share):
    import torch

    losses = []
    for s, t, y in zip(student_logits, teacher_logits, labels):
        log_q, log_p = (each - torch.logsumexp(each, 0) for each in (s / temperature, t / temperature))
        soft = torch.dot(log_p.exp(), log_p - log_q) * temperature**2
        losses.append((1 - soft_share) * (torch.logsumexp(s, 0) - s[y]) + soft_share * soft)
    return sum(losses) / len(losses)


def cache_by_sorting(teacher, batches):
    import torch

    mode = teacher.training
    teacher.eval()
    with torch.inference_mode():
        pairs = [(teacher(inputs), numbers) for inputs, numbers in batches]
    teacher.train(mode)
    rows = sorted(((int(number), row) for said, numbers in pairs for number, row in zip(numbers, said)), key=lambda pair: pair[0])
    return torch.stack([row for _, row in rows])


def cache_by_dictionary(teacher, batches):
    import torch

    mode = teacher.training
    teacher.train(False)
    kept = {}
    try:
        for inputs, numbers in batches:
            with torch.no_grad():
                for number, row in zip(numbers.tolist(), teacher(inputs)):
                    kept[number] = row
    finally:
        teacher.train(mode)
    return torch.stack([kept[number] for number in range(len(kept))])


def cache_by_argsort(teacher, batches):
    import torch

    modes = [(module, module.training) for module in teacher.modules()]
    teacher.eval()
    with torch.no_grad():
        said, numbers = zip(*((teacher(inputs), numbers) for inputs, numbers in batches))
    for module, mode in modes:
        module.training = mode
    return torch.cat(said)[torch.argsort(torch.cat(numbers))]


def agreement_by_loop(student_logits, teacher_logits):
    if student_logits.shape != teacher_logits.shape:
        raise ValueError("two shapes")
    if not len(student_logits):
        raise ValueError("nothing to compare")
    alike = 0
    for ours, theirs in zip(student_logits.tolist(), teacher_logits.tolist()):
        alike += ours.index(max(ours)) == theirs.index(max(theirs))
    return alike / len(student_logits)


def agreement_by_torch(student_logits, teacher_logits):
    import numpy as np
    import torch

    if np.shape(student_logits) != np.shape(teacher_logits) or np.size(student_logits) == 0:
        raise ValueError("nothing to compare, or two shapes")
    first, second = (torch.as_tensor(logits) for logits in (student_logits, teacher_logits))
    first, second = ((logits == logits.amax(1, keepdim=True)).int().argmax(1) for logits in (first, second))
    return (first == second).double().mean()


def agreement_by_count(student_logits, teacher_logits):
    import numpy as np

    assert_alike = student_logits.shape == teacher_logits.shape and student_logits.size > 0
    if not assert_alike:
        raise ValueError("not the same examples")
    return np.count_nonzero(np.argmax(student_logits, 1) == np.argmax(teacher_logits, 1)) / student_logits.shape[0]


def temperature_by_dictionary(runs):
    if len(runs) == 0:
        raise ValueError("no runs")
    by = {}
    for temperature, _, _, val, test in runs:
        by.setdefault(temperature, []).append((val, test))
    means = {temperature: [sum(column) / len(column) for column in zip(*pairs)] for temperature, pairs in by.items()}
    best = min(means, key=lambda temperature: (-means[temperature][0], temperature))
    return best, means[best][1]


def temperature_by_numpy(runs):
    import numpy as np

    if not len(runs):
        raise ValueError("no runs")
    table = np.array(runs, float)
    temperatures, which = np.unique(table[:, 0], return_inverse=True)
    counts = np.bincount(which)
    val, test = (np.bincount(which, weights=table[:, column]) / counts for column in (3, 4))
    best = np.argmax(val)
    return [temperatures[best], test[best]]


def temperature_by_pandas(runs):
    import pandas as pd

    if not runs:
        raise ValueError("no runs")
    means = pd.DataFrame(runs, columns=["temperature", "seed", "loss", "val", "test"]).groupby("temperature").mean()
    best = means["val"].idxmax()
    return best, means.loc[best, "test"]


def gap_by_sums(alone, distilled, teacher):
    a, d, t = (sum(values) / len(values) for values in (alone, distilled, teacher))
    if t <= a:
        return float("nan")
    return (d - a) / (t - a)


def gap_from_above(alone, distilled, teacher):
    import numpy as np

    gap = np.mean(teacher) - np.mean(alone)
    return 1 - (np.mean(teacher) - np.mean(distilled)) / gap if gap > 0 else np.nan


def gap_by_statistics(alone, distilled, teacher):
    import math
    import statistics

    start, reached, end = (statistics.fmean(values) for values in (alone, distilled, teacher))
    return math.nan if not end > start else (reached - start) / (end - start)


def gap_of_accuracies(alone, distilled, teacher):
    for values in (alone, distilled, teacher):
        if values.min() < 0 or values.max() > 1:
            raise ValueError("an accuracy lies between 0 and 1")
    a, d, t = alone.mean(), distilled.mean(), teacher.mean()
    return (d - a) / (t - a) if t > a else float("nan")


def attention_by_cosine(student, teacher):
    from torch.nn.functional import cosine_similarity

    ours, theirs = ((x**2).sum(1).reshape(len(x), -1) for x in (student, teacher))
    return 2 - 2 * cosine_similarity(ours, theirs, dim=1)


def attention_by_einsum(student, teacher):
    import torch

    maps = []
    for x in (student, teacher):
        a = torch.einsum("bfhw,bfhw->bhw", x, x)
        maps.append(a / torch.linalg.vector_norm(a, dim=(1, 2), keepdim=True))
    return ((maps[0] - maps[1]) ** 2).sum(dim=(1, 2))


def attention_by_example(student, teacher):
    import torch

    losses = []
    for ours, theirs in zip(student, teacher):
        ours, theirs = (each.pow(2).sum(0) for each in (ours, theirs))
        losses.append((ours / ours.square().sum().sqrt() - theirs / theirs.square().sum().sqrt()).square().sum())
    return torch.stack(losses)


def gradient_by_power(student_logits, teacher_logits, temperature):
    import torch

    q, p = (torch.exp(each / temperature - torch.logsumexp(each / temperature, 1, keepdim=True)) for each in (student_logits, teacher_logits))
    return (q - p) * (temperature / student_logits.shape[0])


def gradient_by_example(student_logits, teacher_logits, temperature):
    import torch

    rows = [temperature * (torch.softmax(s / temperature, 0) - torch.softmax(t / temperature, 0)) for s, t in zip(student_logits, teacher_logits)]
    return torch.stack(rows) / len(rows)


def gradient_by_jacobian(student_logits, teacher_logits, temperature):
    """The chain rule written out: the derivative by q, times the Jacobian of the softmax, times 1 / T."""
    import torch

    q, p = (torch.softmax(each / temperature, 1) for each in (student_logits, teacher_logits))
    by_q = -p / q
    jacobian = torch.diag_embed(q) - q[:, :, None] * q[:, None, :]
    return temperature * torch.einsum("bc,bcd->bd", by_q, jacobian) / len(q)


ALTERNATIVES = {
    "10.soft_targets": (soft_by_logarithm, soft_by_row, soft_by_numpy, soft_in_double),
    "10.kd_loss": (kd_by_hand, kd_by_entropies, kd_by_torch, kd_by_example),
    "10.cache": (cache_by_sorting, cache_by_dictionary, cache_by_argsort),
    "10.agreement": (agreement_by_loop, agreement_by_torch, agreement_by_count),
    "10.temperature": (temperature_by_dictionary, temperature_by_numpy, temperature_by_pandas),
    "10.gap": (gap_by_sums, gap_from_above, gap_by_statistics, gap_of_accuracies),
    "10.attention": (attention_by_cosine, attention_by_einsum, attention_by_example),
    "10.gradient": (gradient_by_power, gradient_by_example, gradient_by_jacobian),
}

_LAST_OF_TWO = "logits have two axes, of which the last is the second"
_ONE_ROW = "one example's logits have one axis, which is the first and the last"

EQUIVALENT_MUTANTS = {
    "10.soft_targets": {
        **dict.fromkeys(("return torch.exp(scaled - torch.logsumexp(scaled, dim=-1, keepdim=True))",
                         "weights = np.exp(scaled - np.max(scaled, axis=1)[:, None])", "weights = np.exp(scaled - np.max(scaled, axis=--1)[:, None])",
                         "return torch.from_numpy(weights / np.sum(weights, axis=1)[:, None])",
                         "return torch.from_numpy(weights / np.sum(weights, axis=--1)[:, None])",
                         "return (weights.T / weights.sum(-1)).T.to(logits.dtype)", "weights = (scaled - scaled.amax(-1).unsqueeze(1)).exp()"), _LAST_OF_TWO),
        "weights = (scaled - scaled.amax(1).unsqueeze(-1)).exp()": "a maximum for each row has one axis, and the new one comes behind it",
        "scaled = logits.numpy() / temperature": "the exercise asks for no gradient",
    },
    "10.kd_loss": {
        **dict.fromkeys(("log_q = torch.log_softmax(student_logits / temperature, -1)", "log_p = torch.log_softmax(teacher_logits / temperature, -1)",
                         "divergence = (log_p.exp() * (log_p - log_q)).sum(-1)",
                         "hard = -torch.log_softmax(student_logits, -1)[torch.arange(len(labels)), labels]",
                         "p = torch.softmax(teacher_logits / temperature, -1)", "entropy = -torch.special.xlogy(p, p).sum(-1).mean()",
                         *(f"soft = nn.KLDivLoss(reduction='sum')((student_logits / temperature).log_softmax({ours}), (teacher_logits / temperature).softmax({theirs}))"
                           for ours, theirs in (("1", "-1"), ("-1", "1"), ("--1", "-1"), ("-1", "--1")))), _LAST_OF_TWO),
        **dict.fromkeys(("log_q, log_p = (each - torch.logsumexp(each, -1) for each in (s / temperature, t / temperature))",
                         "losses.append((1 - soft_share) * (torch.logsumexp(s, -1) - s[y]) + soft_share * soft)"), _ONE_ROW),
        "soft = torch.dot(log_p - log_q, log_p.exp()) * temperature ** 2": "a product does not mind the order",
    },
    "10.cache": {
        "rows = sorted(((int(number), row) for said, numbers in pairs for number, row in zip(numbers, said)))":
            "every example has its own number, so that two rows are never compared",
    },
    "10.agreement": {
        "for ours, theirs in zip(teacher_logits.tolist(), student_logits.tolist()):": "to be alike has no direction",
        **dict.fromkeys(("first, second = ((logits == logits.amax(1, keepdim=True)).int().argmax(-1) for logits in (first, second))",
                         "first, second = ((logits == logits.amax(-1, keepdim=True)).int().argmax(1) for logits in (first, second))",
                         "return np.count_nonzero(np.argmax(student_logits, -1) == np.argmax(teacher_logits, 1)) / student_logits.shape[0]",
                         "return np.count_nonzero(np.argmax(student_logits, 1) == np.argmax(teacher_logits, -1)) / student_logits.shape[0]"), _LAST_OF_TWO),
    },
    "10.temperature": {
        **dict.fromkeys(("dropped: if len(runs) == 0:\n    raise ValueError('no runs')", "dropped: raise ValueError('no runs')", "if len(runs) == -1:",
                         "dropped: if not runs:\n    raise ValueError('no runs')"), "to take the smallest or largest of nothing is a ValueError as well"),
        "return (best, means[best][-1])": "there are two means",
        "table = np.array(runs)": "one accuracy that is no whole number makes numbers with a fraction of all",
    },
    "10.attention": {
        **dict.fromkeys(("return 2 - 2 * cosine_similarity(ours, theirs)", "return 2 - 2 * cosine_similarity(ours, theirs, dim=-1)"),
                        "the last axis is axis 1, which torch takes by itself"),
        **dict.fromkeys(("return 2 - 2 * cosine_similarity(theirs, ours, dim=1)", "for ours, theirs in zip(teacher, student):"),
                        "the square of the difference has no direction"),
        "return ((maps[0] - maps[-1]) ** 2).sum(dim=(1, 2))": "there are two maps",
    },
    "10.gradient": {
        **dict.fromkeys(("q, p = (torch.exp(each / temperature - torch.logsumexp(each / temperature, -1, keepdim=True)) for each in (student_logits, teacher_logits))",
                         "q, p = (torch.softmax(each / temperature, -1) for each in (student_logits, teacher_logits))"), _LAST_OF_TWO),
        **dict.fromkeys(("rows = [temperature * (torch.softmax(s / temperature, -1) - torch.softmax(t / temperature, 0)) for s, t in zip(student_logits, teacher_logits)]",
                         "rows = [temperature * (torch.softmax(s / temperature, 0) - torch.softmax(t / temperature, -1)) for s, t in zip(student_logits, teacher_logits)]"),
                        _ONE_ROW),
    },
}
