"""Right answers to unit 03, written other ways: the grader must accept every one of them."""

import numpy as np
import sympy
import torch
from torch.nn import functional

_p, _y, _g, _N = sympy.symbols("p y g N")

steps_fractions = {"dl_dp": "(p - y)/(p*(1 - p))", "dp_dz": "p - p**2", "dl_dz": "-y*(1 - p) + (1 - y)*p", "dL_dz": "(g/N)*(p - y)"}
steps_unsimplified = {
    "dl_dp": "-(y/p - (1 - y)/(1 - p))", "dp_dz": "(1 - p)*p", "dl_dz": "(-y/p + (1 - y)/(1 - p))*p*(1 - p)",
    "dL_dz": "g*(-y/p + (1 - y)/(1 - p))*p*(1 - p)/N",
}
steps_sympy = {
    "dl_dp": sympy.diff(-(_y * sympy.log(_p) + (1 - _y) * sympy.log(1 - _p)), _p), "dp_dz": _p * (1 - _p), "dl_dz": _p - _y,
    "dL_dz": _g * (_p - _y) / _N,
}

mended_as_printed = {"loss": "l/N", "gradient": "s/N", "slope": "-(y/f - (1 - y)/(1 - f))*d", "expanded": "-(y/f - (1 - y)/(1 - f))*d/N"}
mended_one_fraction = {"loss": "1/N*l", "gradient": "s*N**-1", "slope": "d*(f - y)/(f*(1 - f))", "expanded": "d*(f - y)/(N*f*(1 - f))"}
mended_written_out = {
    "loss": "-(y*log(f) + (1 - y)*log(1 - f))/N", "gradient": "-(y/f - (1 - y)/(1 - f))*d/N", "slope": "((1 - y)/(1 - f) - y/f)*d",
    "expanded": "(1/N)*((1 - y)/(1 - f) - y/f)*d",
}


def entropy_one_hot(logits, labels, upstream):
    wanted = functional.one_hot(labels, logits.shape[1])
    return (torch.softmax(logits, -1) - wanted) * (upstream / logits.shape[0])


def entropy_logarithms(logits, labels, upstream):
    gradient = torch.exp(logits - torch.logsumexp(logits, dim=1, keepdim=True))
    gradient.scatter_add_(1, labels[:, None], -torch.ones(len(labels), 1, dtype=gradient.dtype))
    return gradient.mul(upstream).div(len(labels))


def entropy_loop(logits, labels, upstream):
    rows = []
    for z, label in zip(logits, labels):
        powers = torch.exp(z - z.max())
        p = powers / powers.sum()
        rows.append(torch.stack([p[k] - (1.0 if k == label else 0.0) for k in range(len(z))]))
    return upstream * torch.stack(rows) / len(rows)


def entropy_numpy(logits, labels, upstream):
    z, y = logits.numpy(), labels.numpy()
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1.0
    return upstream * p / len(y)


def entropy_float32(logits, labels, upstream):
    return upstream * (logits.float().softmax(1) - functional.one_hot(labels, logits.shape[1])) / len(labels)


def trying_directions(f, x, y, step):
    slopes = [(f(x + step * e.view(x.shape), y) - f(x - step * e.view(x.shape), y)) / (2 * step)
              for e in torch.eye(x.numel(), dtype=x.dtype)]
    return torch.tensor([float(slope) for slope in slopes], dtype=x.dtype).view(x.shape)


def trying_indices(f, x, y, step):
    gradient = torch.zeros_like(x)
    for index in np.ndindex(*x.shape):
        up, down = x.clone(), x.clone()
        up[index] += step
        down[index] -= step
        gradient[index] = (f(up, y) - f(down, y)) / 2 / step
    return gradient


def trying_numpy(f, x, y, step):
    gradient = np.zeros(tuple(x.shape))
    for index in np.ndindex(gradient.shape):
        ends = []
        for move in (step, -step):
            moved = x.numpy().copy()
            moved[index] += move
            ends.append(f(torch.from_numpy(np.asarray(moved)), y).item())
        gradient[index] = (ends[0] - ends[1]) / (2 * step)
    return gradient


def trying_restored(f, x, y, step):
    flat, gradient = x.view(-1), torch.empty(x.numel(), dtype=x.dtype)
    for i in range(len(flat)):
        kept = flat[i].item()
        flat[i] = kept + step
        above = f(x, y)
        flat[i] = kept - step
        gradient[i] = (above - f(x, y)) / (2 * step)
        flat[i] = kept
    return gradient.view_as(x)


def frozen_module(prompt, body, head, inputs, labels):
    body.requires_grad_(False)
    logits = head(body(inputs + prompt))
    functional.nll_loss(functional.log_softmax(logits, dim=1), labels).backward()
    return prompt.grad


def frozen_by_grad(prompt, body, head, inputs, labels):
    body.requires_grad_(False)
    loss = torch.nn.CrossEntropyLoss()(head(body(prompt + inputs)), labels)
    wanted = [prompt, *head.parameters()]
    found = torch.autograd.grad(loss, wanted)
    for parameter, gradient in zip(wanted[1:], found[1:]):
        parameter.grad = gradient
    return found[0]


def frozen_copy_of_prompt(prompt, body, head, inputs, labels):
    for parameter in body.parameters():
        parameter.requires_grad_(False)
    own = prompt.clone().detach().requires_grad_(True)
    logits = head(body(inputs + own.expand(len(inputs), -1)))
    loss = (torch.logsumexp(logits, 1) - logits.gather(1, labels[:, None]).squeeze(1)).mean()
    loss.backward()
    return own.grad


def frozen_cleared_first(prompt, body, head, inputs, labels):
    head.zero_grad()
    for _, parameter in body.named_parameters():
        parameter.requires_grad = False
        parameter.grad = None
    torch.nn.functional.cross_entropy(head(body(inputs + prompt)), labels).backward()
    return prompt.grad.clone()


def bce_two_sided(logits, targets, upstream):
    small = torch.exp(-logits.abs())
    p = torch.where(logits >= 0, 1 / (1 + small), small / (1 + small))
    return (p - targets) * upstream / targets.numel()


def bce_tanh(logits, targets, upstream):
    return upstream * (0.5 * (1 + torch.tanh(logits / 2)) - targets) / logits.numel()


def bce_numpy(logits, targets, upstream):
    from scipy.special import expit

    return upstream * (expit(logits.numpy()) - targets.numpy()) / logits.numel()


def linear_einsum(inputs, weight, upstream):
    return (torch.einsum("no,oi->ni", upstream, weight), torch.einsum("no,ni->oi", upstream, inputs),
            torch.einsum("no->o", upstream))


def linear_loop(inputs, weight, upstream):
    into_weight, into_bias = torch.zeros_like(weight), torch.zeros(len(weight), dtype=weight.dtype)
    rows = []
    for x, g in zip(inputs, upstream):
        rows.append(g @ weight)
        into_weight += torch.outer(g, x)
        into_bias += g
    return [torch.stack(rows), into_weight, into_bias]


def linear_numpy(inputs, weight, upstream):
    x, w, g = inputs.numpy(), weight.numpy(), upstream.numpy()
    return np.dot(g, w), np.dot(x.T, g).T, g.sum(axis=0)


def norm_jacobian(inputs, scale, upstream):
    rows, normalised = [], []
    features = inputs.shape[1]
    for x, g in zip(inputs, upstream):
        r = torch.sqrt(((x - x.mean()) ** 2).mean() + 1e-5)
        n = (x - x.mean()) / r
        jacobian = (torch.eye(features, dtype=x.dtype) - 1 / features - torch.outer(n, n) / features) / r
        rows.append((g * scale) @ jacobian)
        normalised.append(n)
    return torch.stack(rows), (upstream * torch.stack(normalised)).sum(0), upstream.sum(0)


def norm_sums(inputs, scale, upstream):
    count = inputs.size(-1)
    mean = inputs.sum(-1, keepdim=True) / count
    inverse = torch.rsqrt(((inputs - mean) ** 2).sum(-1, keepdim=True) / count + 1e-5)
    n = (inputs - mean) * inverse
    h = upstream * scale
    into = inverse / count * (count * h - h.sum(-1, keepdim=True) - n * (h * n).sum(-1, keepdim=True))
    return into, torch.einsum("bd,bd->d", upstream, n), upstream.sum(0)


def norm_numpy(inputs, scale, upstream):
    x, s, g = inputs.numpy(), scale.numpy(), upstream.numpy()
    r = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    n, h = (x - x.mean(axis=1, keepdims=True)) / r, g * s
    into = (h - h.mean(axis=1, keepdims=True) - n * np.mean(h * n, axis=1, keepdims=True)) / r
    return into, np.sum(g * n, axis=0), np.sum(g, axis=0)


def attention_jacobian(queries, keys, values, upstream):
    scale = 1 / np.sqrt(queries.shape[1])
    weights = torch.softmax(queries @ keys.T * scale, dim=1)
    rows = []
    for a, g in zip(weights, upstream):
        rows.append((values @ g) @ (torch.diag(a) - torch.outer(a, a)))
    into_scores = torch.stack(rows) * scale
    return into_scores @ keys, into_scores.T @ queries, weights.T @ upstream


def attention_einsum(queries, keys, values, upstream):
    scores = torch.einsum("td,sd->ts", queries, keys) / queries.shape[-1] ** 0.5
    weights = torch.exp(scores - scores.logsumexp(1, keepdim=True))
    into = torch.einsum("te,se->ts", upstream, values) * weights
    into = (into - weights * into.sum(1, keepdim=True)) / queries.shape[-1] ** 0.5
    return torch.einsum("ts,sd->td", into, keys), torch.einsum("ts,td->sd", into, queries), torch.einsum("ts,te->se", weights, upstream)


def attention_output(queries, keys, values, upstream):
    scale = queries.shape[-1] ** -0.5
    weights = torch.softmax(queries @ keys.T * scale, dim=-1)
    output = weights @ values
    into = weights * (upstream @ values.T - (upstream * output).sum(-1, keepdim=True))
    return scale * into @ keys, scale * into.T @ queries, weights.T @ upstream


ALTERNATIVES = {
    "03.bce_steps": (steps_fractions, steps_unsimplified, steps_sympy),
    "03.mend": (mended_as_printed, mended_one_fraction, mended_written_out),
    "03.softmax": (entropy_one_hot, entropy_logarithms, entropy_loop, entropy_numpy, entropy_float32),
    "03.numerical": (trying_directions, trying_indices, trying_numpy, trying_restored),
    "03.frozen": (frozen_module, frozen_by_grad, frozen_copy_of_prompt, frozen_cleared_first),
    "03.bce_code": (bce_two_sided, bce_tanh, bce_numpy),
    "03.linear": (linear_einsum, linear_loop, linear_numpy),
    "03.layernorm": (norm_jacobian, norm_sums, norm_numpy),
    "03.attention": (attention_jacobian, attention_einsum, attention_output),
}

_SAME_AXIS = "the last axis is axis 1, or the only one"
EQUIVALENT_MUTANTS = {
    "03.softmax": {
        **dict.fromkeys((
            'wanted = functional.one_hot(labels, logits.shape[-1])',
            'return (torch.softmax(logits, 1) - wanted) * (upstream / logits.shape[0])',
            'return (torch.softmax(logits, --1) - wanted) * (upstream / logits.shape[0])',
            'gradient.scatter_add_(-1, labels[:, None], -torch.ones(len(labels), 1, dtype=gradient.dtype))',
            'gradient = torch.exp(logits - torch.logsumexp(logits, dim=-1, keepdim=True))',
            'p = powers / powers.sum(axis=-1, keepdims=True)',
            'powers = np.exp(z - z.max(axis=-1, keepdims=True))',
            'return upstream * (logits.float().softmax(-1) - functional.one_hot(labels, logits.shape[1])) / len(labels)',
            'return upstream * (logits.float().softmax(1) - functional.one_hot(labels, logits.shape[-1])) / len(labels)',
        ), _SAME_AXIS),
        'gradient.scatter_add_(1, labels[:, None], -torch.ones(len(labels), 2, dtype=gradient.dtype))': "only the first column is used",
    },
    "03.numerical": {
        'slopes = [(f(x + step * e.view(x.shape), y) - f(x - step * e.view(x.shape), y)) / (2 * step) for e in torch.eye(x.numel())]': "float32 is near enough",
        'return torch.tensor([float(slope) for slope in slopes]).view(x.shape)': "float32 is near enough",
        'gradient[index] = (ends[0] - ends[-1]) / (2 * step)': "the second of two is the last",
        'flat, gradient = (x.view(-1), torch.empty(x.numel()))': "float32 is near enough",
    },
    "03.frozen": {
        **dict.fromkeys((
            'functional.nll_loss(functional.log_softmax(logits), labels).backward()',
            'functional.nll_loss(functional.log_softmax(logits, dim=-1), labels).backward()',
            'loss = (torch.logsumexp(logits, -1) - logits.gather(1, labels[:, None]).squeeze(1)).mean()',
            'loss = (torch.logsumexp(logits, 1) - logits.gather(1, labels[:, None]).squeeze(-1)).mean()',
            'loss = (torch.logsumexp(logits, 1) - logits.gather(-1, labels[:, None]).squeeze(1)).mean()',
        ), _SAME_AXIS),
        'own = prompt.detach().requires_grad_(True)': "nothing is written to it",
        'dropped: head.zero_grad()': "no gradient is left from before in these cases",
        'head': "no gradient is left from before in these cases",
        'dropped: parameter.grad = None': "no gradient is left from before in these cases",
        'return prompt.grad': "a copy of it says the same",
    },
    "03.bce_code": {
        'p = torch.where(logits > 0, 1 / (1 + small), small / (1 + small))': "at 0 both sides are one half",
    },
    "03.linear": {
        'into_weight, into_bias = (torch.zeros_like(weight), torch.zeros(len(weight)))': "float32 is near enough",
    },
    "03.layernorm": {
        **dict.fromkeys((
            'features = inputs.shape[-1]',
            'count = inputs.size(1)',
            'count = inputs.size(--1)',
            'mean = inputs.sum(1, keepdim=True) / count',
            'mean = inputs.sum(--1, keepdim=True) / count',
            'inverse = torch.rsqrt(((inputs - mean) ** 2).sum(1, keepdim=True) / count + 1e-05)',
            'into = inverse / count * (count * h - h.sum(1, keepdim=True) - n * (h * n).sum(-1, keepdim=True))',
            'into = inverse / count * (count * h - h.sum(-1, keepdim=True) - n * (h * n).sum(1, keepdim=True))',
            'inverse = torch.rsqrt(((inputs - mean) ** 2).sum(--1, keepdim=True) / count + 1e-05)',
            'into = inverse / count * (count * h - h.sum(--1, keepdim=True) - n * (h * n).sum(-1, keepdim=True))',
            'into = inverse / count * (count * h - h.sum(-1, keepdim=True) - n * (h * n).sum(--1, keepdim=True))',
            'r = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-05)',
            'n, h = ((x - x.mean(axis=-1, keepdims=True)) / r, g * s)',
            'into = (h - h.mean(axis=-1, keepdims=True) - n * np.mean(h * n, axis=1, keepdims=True)) / r',
            'into = (h - h.mean(axis=1, keepdims=True) - n * np.mean(h * n, axis=-1, keepdims=True)) / r',
        ), _SAME_AXIS),
    },
    "03.attention": {
        **dict.fromkeys((
            'weights = torch.softmax(queries @ keys.T * scale, dim=-1)',
            'scale = 1 / np.sqrt(queries.shape[-1])',
            "scores = torch.einsum('td,sd->ts', queries, keys) / queries.shape[1] ** 0.5",
            'weights = torch.exp(scores - scores.logsumexp(-1, keepdim=True))',
            'into = (into - weights * into.sum(1, keepdim=True)) / queries.shape[1] ** 0.5',
            "scores = torch.einsum('td,sd->ts', queries, keys) / queries.shape[--1] ** 0.5",
            'into = (into - weights * into.sum(-1, keepdim=True)) / queries.shape[-1] ** 0.5',
            'into = (into - weights * into.sum(1, keepdim=True)) / queries.shape[--1] ** 0.5',
            'scale = queries.shape[1] ** (-0.5)',
            'weights = torch.softmax(queries @ keys.T * scale, dim=1)',
            'scale = queries.shape[--1] ** (-0.5)',
            'weights = torch.softmax(queries @ keys.T * scale, dim=--1)',
            'into = weights * (upstream @ values.T - (upstream * output).sum(1, keepdim=True))',
            'into = weights * (upstream @ values.T - (upstream * output).sum(--1, keepdim=True))',
        ), _SAME_AXIS),
    },
}
