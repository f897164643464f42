"""Right answers to unit 05, written other ways: the grader must accept every one of them."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tlkit import plans


def epoch_below_without_graph(model, frozen, batches, loss, optimizer):
    lower, upper = list(model)[:frozen], list(model)[frozen:]
    for layer in lower:
        layer.eval()
    for layer in upper:
        layer.train()
    sums = []
    for inputs, labels in batches:
        with torch.no_grad():
            for layer in lower:
                inputs = layer(inputs)
        for layer in upper:
            inputs = layer(inputs)
        value = loss(inputs, labels)
        model.zero_grad()
        value.backward()
        optimizer.step()
        sums.append((float(value), len(labels)))
    return sum(value * count for value, count in sums) / sum(count for _, count in sums)


def epoch_by_number(model, frozen, batches, loss, optimizer):
    for number, layer in enumerate(model):
        layer.train(number >= frozen)
        for parameter in layer.parameters():
            parameter.requires_grad = number >= frozen
    total, count = 0.0, 0
    for inputs, labels in batches:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None
        value = loss(model(inputs), labels)
        value.backward()
        optimizer.step()
        total, count = total + value.item() * inputs.shape[0], count + inputs.shape[0]
    return total / count


def epoch_gradients_taken_away(model, frozen, batches, loss, optimizer):
    model.train()
    held = [parameter for layer in list(model)[:frozen] for parameter in layer.parameters()]
    for layer in list(model)[:frozen]:
        layer.train(False)
    losses = []
    for inputs, labels in batches:
        optimizer.zero_grad(set_to_none=True)
        value = loss(model(inputs), labels)
        value.backward()
        for parameter in held:
            parameter.grad = None
        optimizer.step()
        losses += [value.item()] * len(labels)
    return float(np.mean(losses))


def epoch_sliced(model, frozen, batches, loss, optimizer):
    model.train()
    below, above = model[:frozen], model[frozen:]
    below.eval()
    below.requires_grad_(False)
    losses, sizes = [], []
    for inputs, labels in batches:
        optimizer.zero_grad()
        value = loss(above(below(inputs).detach()), labels)
        value.backward()
        optimizer.step()
        losses.append(value.item())
        sizes.append(len(inputs))
    return float(np.average(losses, weights=sizes))


def norm_two_branches(inputs, scale, shift, mean, variance, momentum, frozen):
    if frozen:
        return (inputs - mean) / torch.sqrt(variance + 1e-5) * scale + shift, mean, variance
    m = inputs.mean(0)
    squares = ((inputs - m) ** 2).sum(0)
    y = (inputs - m) / torch.sqrt(squares / len(inputs) + 1e-5) * scale + shift
    return y, mean + momentum * (m - mean), variance + momentum * (squares / (len(inputs) - 1) - variance)


def norm_numpy(inputs, scale, shift, mean, variance, momentum, frozen):
    x, scale, shift, mean, variance = (tensor.numpy() for tensor in (inputs, scale, shift, mean, variance))
    if frozen:
        m, v = mean, variance
    else:
        m, v = x.mean(axis=0), x.var(axis=0)
        mean = mean * (1 - momentum) + m * momentum
        variance = variance * (1 - momentum) + x.var(axis=0, ddof=1) * momentum
    return [scale * (x - m) * (v + 1e-5) ** -0.5 + shift, mean, variance]


def norm_lerp(inputs, scale, shift, mean, variance, momentum, frozen):
    if not frozen:
        unbiased, centre = torch.var_mean(inputs, dim=0, correction=1)
        spread = unbiased * (len(inputs) - 1) / len(inputs)
        after = torch.lerp(mean, centre, momentum), torch.lerp(variance, unbiased, momentum)
    else:
        centre, spread, after = mean, variance, (mean.clone(), variance.clone())
    return torch.addcmul(shift, scale, (inputs - centre) * torch.rsqrt(spread + 1e-5)), *after


def norm_feature_by_feature(inputs, scale, shift, mean, variance, momentum, frozen):
    rows, columns = inputs.shape
    y, means, variances = torch.empty_like(inputs), mean.clone(), variance.clone()
    for f in range(columns):
        m, v = float(mean[f]), float(variance[f])
        if not frozen:
            m = float(sum(inputs[:, f])) / rows
            v = float(sum((inputs[:, f] - m) ** 2)) / rows
            means[f] = (1 - momentum) * mean[f] + momentum * m
            variances[f] = (1 - momentum) * variance[f] + momentum * v * rows / (rows - 1)
        y[:, f] = scale[f] * (inputs[:, f] - m) / (v + 1e-5) ** 0.5 + shift[f]
    return y, means, variances


def groups_one_each(model, learning_rate, head_learning_rate, depth_decay, weight_decay):
    layers = list(model)
    groups, rate = [], learning_rate
    for number in reversed(range(len(layers))):
        own = head_learning_rate if number == len(layers) - 1 else rate
        if number < len(layers) - 1:
            rate *= depth_decay
        for parameter in layers[number].parameters():
            groups.append({"params": [parameter], "lr": own, "weight_decay": weight_decay if parameter.dim() > 1 else 0.0})
    return groups


def groups_by_setting(model, learning_rate, head_learning_rate, depth_decay, weight_decay):
    by_setting, last = {}, len(model) - 1
    for name, parameter in model.named_parameters():
        depth = int(name.split(".")[0])
        rate = head_learning_rate if depth == last else learning_rate * depth_decay ** (last - 1 - depth)
        by_setting.setdefault((rate, weight_decay if parameter.ndim > 1 else 0), []).append(parameter)
    return [{"params": parameters, "lr": rate, "weight_decay": decay, "name": f"{rate}"} for (rate, decay), parameters in by_setting.items()]


def groups_with_types(model, learning_rate, head_learning_rate, depth_decay, weight_decay):
    *body, head = model.children()
    rates = [learning_rate * depth_decay**steps for steps in reversed(range(len(body)))] + [head_learning_rate]
    groups = []
    for layer, rate in zip((*body, head), rates):
        norm = isinstance(layer, (nn.BatchNorm1d, nn.LayerNorm))
        for label, parameter in layer.named_parameters():
            spared = norm or label == "bias"
            groups.append(dict(params=[parameter], lr=rate, weight_decay=0.0 if spared else weight_decay))
    return groups


def pulled_by_name(model, start, strength, inputs, labels):
    loss = functional.cross_entropy(model(inputs), labels)
    for name, parameter in model.named_parameters():
        if name in start:
            loss = loss + 0.5 * strength * torch.sum(torch.square(parameter - start[name]))
    loss.backward()
    return loss


def pulled_by_start(model, start, strength, inputs, labels):
    parameters = dict(model.named_parameters())
    pull = sum(functional.mse_loss(parameters[name], value, reduction="sum") for name, value in start.items() if name in parameters)
    total = nn.CrossEntropyLoss()(model(inputs), labels) + pull * strength / 2
    total.backward()
    return total.item()


def pulled_gradients_by_hand(model, start, strength, inputs, labels):
    loss = functional.cross_entropy(model(inputs), labels)
    loss.backward()
    total = loss.item()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in start:
                parameter.grad += strength * (parameter - start[name])
                total += strength / 2 * float((parameter - start[name]).pow(2).sum())
    return total


def kept_loop(stages, jitter, views, mixup):
    if jitter and not views:
        return None, "jitter"
    if mixup:
        return None, "mixup"
    last = None
    for stage in stages:
        if stage["trains"]:
            return last, "trains"
        if stage["looks_at_batch"]:
            return last, "looks_at_batch"
        if stage["training_mode"]:
            return last, "training_mode"
        last = stage["name"]
    return last, "head"


def kept_search(stages, jitter, views, mixup):
    why = "jitter" if jitter and views < 1 else "mixup" if mixup != 0 else ""
    if why:
        return [None, why]
    causes = ["trains", "looks_at_batch", "training_mode"]
    obstacles = [(number, cause) for number, stage in enumerate(stages) for cause in causes if stage[cause]]
    number, cause = min(obstacles, key=lambda pair: (pair[0], causes.index(pair[1])), default=(len(stages), "head"))
    return [stages[number - 1]["name"] if number > 0 else None, cause]


def kept_recursive(stages, jitter, views, mixup):
    if mixup and not (jitter and views == 0):
        return None, "mixup"
    if jitter and views == 0:
        return None, "jitter"
    if not stages:
        return None, "head"
    first, *rest = stages
    for cause in ("trains", "looks_at_batch", "training_mode"):
        if first[cause]:
            return None, cause
    name, reason = kept_recursive(rest, False, 0, 0.0)
    return name or first["name"], reason


def unfreezing_count(epoch, stages, head_epochs, epochs_a_step):
    count = 1 if epoch < head_epochs else 2 + (epoch - head_epochs) // epochs_a_step
    return stages[-count:] if count < len(stages) else stages


def unfreezing_each_asks(epoch, stages, head_epochs, epochs_a_step):
    last = len(stages) - 1
    begins = [0 if number == last else head_epochs + (last - 1 - number) * epochs_a_step for number in range(len(stages))]
    return tuple(name for name, first in zip(stages, begins) if epoch >= first)


def unfreezing_simulated(epoch, stages, head_epochs, epochs_a_step):
    frozen, training = list(stages[:-1]), [stages[-1]]
    for now in range(head_epochs, epoch + 1):
        if (now - head_epochs) % epochs_a_step == 0 and frozen:
            training.insert(0, frozen.pop())
    return training


def plan_without_names(epochs, learning_rate, probe_epochs):
    probe = plans.Phase(epochs=probe_epochs)
    rest = plans.Phase(epochs=epochs, learning_rate=learning_rate, head_learning_rate=learning_rate)
    return plans.Plan(name="first the head", phases=[probe, rest])


def plan_joined(epochs, learning_rate, probe_epochs):
    probe = plans.linear_probe(probe_epochs, 1e-2)
    everything = plans.full(epochs, learning_rate, learning_rate, jitter=None)
    return everything.changed(phases=probe.phases + everything.phases)


def plan_changed(epochs, learning_rate, probe_epochs):
    probe = plans.Phase(probe_epochs, 0.0, 0.01)
    return plans.Plan("lp_ft", (probe, replace(probe, epochs=epochs, learning_rate=learning_rate, head_learning_rate=learning_rate)))


ALTERNATIVES = {
    "05.epoch": (epoch_below_without_graph, epoch_by_number, epoch_gradients_taken_away, epoch_sliced),
    "05.batchnorm": (norm_two_branches, norm_numpy, norm_lerp, norm_feature_by_feature),
    "05.rates": (groups_one_each, groups_by_setting, groups_with_types),
    "05.pull": (pulled_by_name, pulled_by_start, pulled_gradients_by_hand),
    "05.cache": (kept_loop, kept_search, kept_recursive),
    "05.unfreezing": (unfreezing_count, unfreezing_each_asks, unfreezing_simulated),
    "05.lp_ft": (plan_without_names, plan_joined, plan_changed),
}

_CLEARED = "gradients may become zeros or None"
EQUIVALENT_MUTANTS = {
    "05.epoch": {
        **dict.fromkeys(("optimizer.zero_grad()", "optimizer.zero_grad(set_to_none=False)"), _CLEARED),
        **dict.fromkeys(("dropped: below.requires_grad_(False)", "below.requires_grad_(True)"), "nothing flows back through `detach`"),
        "value = loss(above(below(inputs)), labels)": "a part without parameters to train has no graph",
    },
    "05.batchnorm": {
        "unbiased, centre = torch.var_mean(inputs, dim=0)": "torch divides by one less where nothing is said",
        **dict.fromkeys(("centre, spread, after = (mean, variance, (mean, variance.clone()))",
                         "centre, spread, after = (mean, variance, (mean.clone(), variance))"), "the exercise asks for values, not for copies"),
    },
    "05.pull": {
        "pull = sum((functional.mse_loss(value, parameters[name], reduction='sum') for name, value in start.items() if name in parameters))":
            "a squared difference is the same from both sides",
        "dropped: with torch.no_grad():": "the gradients' own graph is not looked at",
    },
    "05.cache": {
        "number, cause = min(obstacles, key=lambda pair: (pair[0], causes.index(pair[-1])), default=(len(stages), 'head'))":
            "the second of two is the last",
        **dict.fromkeys(("name, reason = kept_recursive(rest, False, 1, 0.0)", "name, reason = kept_recursive(rest, False, -1, 0.0)"),
                        "views count with jitter only"),
    },
    "05.unfreezing": {
        **dict.fromkeys(("return stages[-count:]", "return stages[-count:] if count <= len(stages) else stages"),
                        "more than there are, counted from the end, is all"),
        "begins = [-1 if number == last else head_epochs + (last - 1 - number) * epochs_a_step for number in range(len(stages))]":
            "no epoch comes before 0",
    },
    "05.lp_ft": {
        **dict.fromkeys(("probe = plans.linear_probe(probe_epochs)", "probe = plans.Phase(probe_epochs, 0.0)"),
                        "0.01 is the head's rate where nothing is said"),
        "everything = plans.full(epochs, learning_rate, learning_rate)": "the exercise asks for no other settings",
    },
}
