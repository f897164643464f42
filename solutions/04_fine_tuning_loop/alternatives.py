"""Right answers to unit 04, written other ways: the grader must accept every one of them."""

import copy
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def epoch_sums(model, batches, loss, optimizer):
    model.train()
    losses, sizes = [], []
    for inputs, labels in batches:
        value = loss(model(inputs), labels)
        model.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
        sizes.append(inputs.shape[0])
    return float(np.average(losses, weights=sizes))


def epoch_tensor(model, batches, loss, optimizer):
    model.train(True)
    total, count = torch.zeros(()), 0
    for batch in batches:
        optimizer.zero_grad(set_to_none=False)
        outputs = model(batch[0])
        value = loss(outputs, batch[1])
        value.backward()
        optimizer.step()
        total += value.detach() * len(batch[0])
        count += len(batch[0])
    return total / count


def epoch_cleared_behind(model, batches, loss, optimizer):
    for module in model.modules():
        module.training = True
    total = count = 0
    for x, y in batches:
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        optimizer.zero_grad()
        total = total + float(value) * y.numel()
        count = count + y.numel()
    return total / count


def evaluate_collected(model, batches, loss):
    mode = model.training
    model.train(False)
    outputs, targets = [], []
    with torch.no_grad():
        for inputs, labels in batches:
            outputs.append(model(inputs))
            targets.append(labels)
        outputs, targets = torch.cat(outputs), torch.cat(targets)
        value = loss(outputs, targets).item()
    model.train(mode)
    return value, (outputs.argmax(-1) == targets).float().mean().item()


@torch.no_grad()
def evaluate_decorated(model, batches, loss):
    modes = {module: module.training for module in model.modules()}
    model.eval()
    losses, rights, sizes = [], [], []
    for inputs, labels in batches:
        logits = model(inputs)
        losses.append(float(loss(logits, labels)))
        rights.append(float((logits.max(1).indices == labels).double().mean()))
        sizes.append(len(labels))
    for module, was in modes.items():
        module.training = was
    return np.average(losses, weights=sizes), np.average(rights, weights=sizes)


def evaluate_guarded(model, batches, loss):
    put_back = model.train if model.training else model.eval
    try:
        model.eval()
        with torch.no_grad():
            total, right, count = torch.tensor(0.0), torch.tensor(0), 0
            for inputs, labels in batches:
                out = model(inputs)
                total = total + loss(out, labels) * labels.shape[0]
                right = right + torch.eq(out.argmax(1), labels).sum()
                count += labels.shape[0]
        return [float(total / count), float(right / count)]
    finally:
        put_back()


def adamw_lerp(weight, gradient, first, second, step, learning_rate, decay):
    m = torch.lerp(first, gradient, 0.1)
    v = second.mul(0.999).addcmul(gradient, gradient, value=0.001)
    corrected = m / (1 - 0.9**step) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)
    return weight * (1 - learning_rate * decay) - learning_rate * corrected, m, v


def adamw_numpy(weight, gradient, first, second, step, learning_rate, decay):
    w, g, m, v = (each.numpy() for each in (weight, gradient, first, second))
    m = 0.9 * m + (1 - 0.9) * g
    v = 0.999 * v + (1 - 0.999) * np.square(g)
    update = (m / (1 - np.power(0.9, step))) / (np.sqrt(v / (1 - np.power(0.999, step))) + 1e-8)
    return w - learning_rate * (update + decay * w), m, v


def adamw_as_torch(weight, gradient, first, second, step, learning_rate, decay):
    new, m, v = weight.clone(), first.clone(), second.clone()
    new.mul_(1 - learning_rate * decay)
    m.mul_(0.9).add_(gradient, alpha=1 - 0.9)
    v.mul_(0.999).addcmul_(gradient, gradient, value=1 - 0.999)
    denominator = v.sqrt() / math.sqrt(1 - 0.999**step) + 1e-8
    new.addcdiv_(m, denominator, value=-learning_rate / (1 - 0.9**step))
    return [new, m, v]


def accumulated_weighted_means(model, parts, optimizer):
    parts = list(parts)
    counts = [int((labels != -100).sum()) for _, labels in parts]
    if not sum(counts):
        return 0.0
    optimizer.zero_grad()
    total = 0.0
    for (inputs, labels), count in zip(parts, counts):
        if count:
            share = functional.cross_entropy(model(inputs), labels) * count / sum(counts)
            share.backward()
            total += share.item()
    optimizer.step()
    return total


def accumulated_divided_after(model, parts, optimizer):
    model.zero_grad()
    total, count = 0.0, 0
    for inputs, labels in parts:
        valid = labels != -100
        value = functional.cross_entropy(model(inputs)[valid], labels[valid], reduction="sum")
        value.backward()
        total, count = total + value.item(), count + valid.sum().item()
    if count == 0:
        return 0.0
    for parameter in model.parameters():
        parameter.grad.div_(count)
    optimizer.step()
    return total / count


def accumulated_whole(model, parts, optimizer):
    inputs, labels = (torch.cat(each) for each in zip(*parts))
    keep = labels >= 0
    if not keep.any():
        return 0.0
    optimizer.zero_grad()
    loss = functional.nll_loss(functional.log_softmax(model(inputs[keep]), dim=1), labels[keep])
    loss.backward()
    optimizer.step()
    return loss.item()


def factor_table(schedule, step, steps, warmup):
    w = steps * warmup
    t = np.clip((step - w) / (steps - w), 0, 1)
    shapes = {"cosine": np.cos(np.pi * t / 2) ** 2, "linear": 1 - t, "constant": 1.0}
    return (1 + step) / (1 + w) if step < w else shapes[schedule]


def factor_match(schedule, step, steps, warmup):
    rising = warmup * steps
    if step < rising:
        return (step + 1.0) / (rising + 1.0)
    left = max(0.0, (steps - step) / (steps - rising))
    match schedule:
        case "cosine":
            return 0.5 - 0.5 * math.cos(math.pi * left)
        case "linear":
            return left
        case _:
            return 1


def factor_capped(schedule, step, steps, warmup):
    step = min(step, steps)
    w = warmup * steps
    if not step >= w:
        return (step + 1) / (w + 1)
    if schedule == "constant":
        return 1.0
    t = torch.tensor((step - w) / (steps - w), dtype=torch.float64)
    return float(1 - t if schedule == "linear" else (1 + torch.cos(torch.pi * t)) / 2)


def paced_by_hand(model, batches, loss, optimizer, scheduler, max_norm):
    model.train()
    losses, sizes = [], []
    for x, y in batches:
        model.zero_grad()
        value = loss(model(x), y)
        value.backward()
        norm = torch.sqrt(sum((parameter.grad**2).sum() for parameter in model.parameters()))
        if norm > max_norm:
            for parameter in model.parameters():
                parameter.grad *= max_norm / norm
        optimizer.step()
        scheduler.step()
        losses.append(value.item())
        sizes.append(len(y))
    return float(np.dot(losses, sizes) / np.sum(sizes))


def paced_cleared_behind(model, batches, loss, optimizer, scheduler, max_norm):
    model.train()
    total, count = 0.0, 0
    for inputs, labels in batches:
        value = loss(model(inputs), labels)
        value.backward()
        nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], max_norm=max_norm, norm_type=2)
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
        with torch.no_grad():
            total += value * inputs.size(0)
            count += inputs.size(0)
    return (total / count).item()


def paced_summed(model, batches, loss, optimizer, scheduler, max_norm):
    model.train()
    seen = []
    for inputs, labels in batches:
        value = loss(model(inputs), labels)
        gradients = torch.autograd.grad(value, list(model.parameters()))
        length = torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
        for parameter, gradient in zip(model.parameters(), gradients):
            parameter.grad = gradient * min(1.0, max_norm / length)
        optimizer.step()
        scheduler.step()
        seen += [value.item()] * len(labels)
    return sum(seen) / len(seen)


def fit_deepcopy(model, train_one_epoch, evaluate, epochs, patience):
    best_loss, best_epoch, best = math.inf, 0, None
    for epoch in range(epochs):
        train_one_epoch(model)
        loss = evaluate(model)
        if loss < best_loss:
            best_loss, best_epoch, best = loss, epoch, copy.deepcopy(model.state_dict())
        if epoch - best_epoch >= patience:
            break
    model.load_state_dict(best)
    return best_loss


def fit_history(model, train_one_epoch, evaluate, epochs, patience):
    losses, weights = [], []
    while len(losses) < epochs:
        train_one_epoch(model)
        loss = evaluate(model)
        losses.append(loss)
        weights.append({name: values.detach().clone() for name, values in model.state_dict().items()})
        if len(losses) - 1 - losses.index(min(losses)) >= patience:
            break
    best = losses.index(min(losses))
    model.load_state_dict(weights[best])
    return losses[best]


def fit_in_place(model, train_one_epoch, evaluate, epochs, patience):
    best, left, kept = None, patience, None
    for _ in range(epochs):
        train_one_epoch(model)
        loss = evaluate(model)
        if best is None or loss < best:
            best, left = loss, patience
            kept = [values.clone() for values in (*model.parameters(), *model.buffers())]
            continue
        left -= 1
        if left == 0:
            break
    with torch.no_grad():
        for values, old in zip((*model.parameters(), *model.buffers()), kept):
            values.copy_(old)
    return best


def fit_whole_copy(model, train_one_epoch, evaluate, epochs, patience):
    best_loss, best_model, waited, epoch = float("inf"), copy.deepcopy(model), 0, 0
    while epoch < epochs and waited < patience:
        train_one_epoch(model)
        loss, epoch = evaluate(model), epoch + 1
        waited += 1
        if best_loss > loss:
            best_loss, best_model, waited = loss, copy.deepcopy(model), 0
    model.load_state_dict(best_model.state_dict())
    return best_loss


def scaled_small_steps(model, inputs, labels, loss, optimizer, scale, max_norm):
    model.zero_grad()
    value = loss(model(inputs), labels)
    (scale * value).backward()
    flat = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    if torch.isinf(flat).any() or torch.isnan(flat).any():
        return 0.5 * scale
    for parameter in model.parameters():
        parameter.grad.mul_(1 / scale)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return scale


def scaled_norm_at_once(model, inputs, labels, loss, optimizer, scale, max_norm):
    optimizer.zero_grad()
    loss(model(inputs), labels).mul(scale).backward()
    if any(not torch.isfinite(parameter.grad).all() for parameter in model.parameters()):
        return scale / 2
    norm = sum((parameter.grad / scale).square().sum() for parameter in model.parameters()).sqrt()
    for parameter in model.parameters():
        parameter.grad = parameter.grad / scale * min(1.0, max_norm / float(norm))
    optimizer.step()
    return scale


def scaled_clip_in_scaled_units(model, inputs, labels, loss, optimizer, scale, max_norm):
    optimizer.zero_grad()
    (loss(model(inputs), labels) * scale).backward()
    parameters = list(model.parameters())
    if sum(int((~torch.isfinite(p.grad)).sum()) for p in parameters) > 0:
        return scale / 2
    nn.utils.clip_grad_norm_(parameters, max_norm * scale)
    for parameter in parameters:
        parameter.grad.div_(scale)
    optimizer.step()
    return scale


ALTERNATIVES = {
    "04.epoch": (epoch_sums, epoch_tensor, epoch_cleared_behind),
    "04.evaluate": (evaluate_collected, evaluate_decorated, evaluate_guarded),
    "04.adamw": (adamw_lerp, adamw_numpy, adamw_as_torch),
    "04.accumulation": (accumulated_weighted_means, accumulated_divided_after, accumulated_whole),
    "04.schedule": (factor_table, factor_match, factor_capped),
    "04.paced": (paced_by_hand, paced_cleared_behind, paced_summed),
    "04.fit": (fit_deepcopy, fit_history, fit_in_place, fit_whole_copy),
    "04.scaled": (scaled_small_steps, scaled_norm_at_once, scaled_clip_in_scaled_units),
}
_SAME_COUNT, _SAME_AXIS = "there are as many labels as inputs", "the last axis of outputs of two axes is their axis 1"
_CLEARED = "gradients may become zeros or None"
_NO_GRADIENT_LEFT = "the exercise says that no gradient is left from before"
_AT_ONCE = "at equality both ways give the same"
EQUIVALENT_MUTANTS = {
    "04.epoch": {
        **dict.fromkeys(("optimizer.zero_grad()", "optimizer.zero_grad(set_to_none=True)"), _CLEARED),
        "total += value * len(batch[0])": "the graphs are kept longer, and the value is the same",
        **dict.fromkeys(("count += len(batch[1])", "count += len(batch[-1])", "total += value.detach() * len(batch[1])",
                         "total += value.detach() * len(batch[-1])"), _SAME_COUNT),
        "value = loss(outputs, batch[-1])": "a batch has two parts",
    },
    "04.evaluate": {
        **dict.fromkeys(("return (value, (outputs.argmax(1) == targets).float().mean().item())",
                         "return (value, (outputs.argmax(--1) == targets).float().mean().item())",
                         "right = right + torch.eq(out.argmax(-1), labels).sum()"), _SAME_AXIS),
        **dict.fromkeys(("count += labels.shape[-1]", "total = total + loss(out, labels) * labels.shape[-1]"), "labels have one axis"),
    },
    "04.accumulation": {
        "dropped: parts = list(parts)": "the exercise says that parts may be looped over again",
        "dropped: if not sum(counts):\n    return 0.0": "without any gradient the optimiser takes no step",
        **dict.fromkeys(("dropped: optimizer.zero_grad()", "optimizer", "dropped: model.zero_grad()", "model"), _NO_GRADIENT_LEFT),
        "keep = labels >= -1": "a label is -100 or a class",
        **dict.fromkeys(("loss = functional.nll_loss(functional.log_softmax(model(inputs[keep])), labels[keep])",
                         "loss = functional.nll_loss(functional.log_softmax(model(inputs[keep]), dim=-1), labels[keep])"), _SAME_AXIS),
    },
    "04.schedule": {
        "t = np.clip(0, (step - w) / (steps - w), 1)": "0 between a bound and 1 is that bound, where it is above 0",
        "t = np.clip((step - w) / (steps - w), -1, 1)": "below 0 it is the warm-up that counts",
        **dict.fromkeys(("return (1 + step) / (1 + w) if step <= w else shapes[schedule]", "if step <= rising:", "if not step > w:"), _AT_ONCE),
        "shapes = {'cosine': np.cos(np.pi * t / -2) ** 2, 'linear': 1 - t, 'constant': 1.0}": "the cosine is even",
    },
    "04.paced": {
        "if norm >= max_norm:": _AT_ONCE,
        "return float(np.dot(sizes, losses) / np.sum(sizes))": "a product of numbers, in the other order",
        "dropped: with torch.no_grad():": "the graphs are kept longer, and the value is the same",
        "nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], max_norm=max_norm)": "2 is the usual norm",
        "nn.utils.clip_grad_norm_([p for p in model.parameters()], max_norm=max_norm, norm_type=2)": "torch leaves out what has no gradient",
    },
    "04.fit": {
        **dict.fromkeys(("best_loss, best_epoch, best = (math.inf, 1, None)", "best_loss, best_epoch, best = (math.inf, -1, None)",
                         "best_loss, best_model, waited, epoch = (float('inf'), model, 0, 0)",
                         "best_loss, best_model, waited, epoch = (float('inf'), copy.deepcopy(model), -1, 0)"),
                        "the first epoch sets it, whatever it was"),
        "weights.append({name: values.clone() for name, values in model.state_dict().items()})": "a state_dict is detached already",
    },
}
