"""Right answers to the exercises of unit 09, written in other ways."""

import torch
from torch import nn
from torch.nn import functional as F


class LoraByFunctional(nn.Module):
    def __init__(self, base, rank, alpha):
        super().__init__()
        if rank < 1 or rank > base.out_features or rank > base.in_features:
            raise ValueError("the rank does not fit the layer")
        self.base = base
        self.scaling = alpha / rank
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))
        self.down = nn.Parameter(torch.empty(rank, base.in_features).normal_(std=0.02))

    def forward(self, x):
        return self.base(x) + F.linear(F.linear(x, self.down), self.up) * self.scaling


class LoraByWeight(nn.Module):
    """The update is made a matrix first: more work, and the same output."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        outputs, inputs = base.weight.shape
        if rank not in range(1, min(outputs, inputs) + 1):
            raise ValueError("the rank does not fit the layer")
        for parameter in base.parameters():
            parameter.requires_grad = False
        self.base, self.rank, self.alpha = base, rank, alpha
        self.down = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(rank, inputs), a=5**0.5))
        self.up = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, x):
        return F.linear(x, self.base.weight + (self.alpha / self.rank) * (self.up @ self.down), self.base.bias)


class LoraByEinsum(nn.Module):
    def __init__(self, base, rank, alpha):
        super().__init__()
        outputs, inputs = base.weight.shape
        assert_fits(rank, inputs, outputs)
        self.base = base
        self.register_parameter("down", nn.Parameter(torch.rand(rank, inputs) - 0.5))
        self.register_parameter("up", nn.Parameter(torch.zeros(outputs, rank)))
        self.register_buffer("scale", torch.tensor(alpha / rank), persistent=False)

    def forward(self, x):
        return torch.add(self.base(x), torch.einsum("...i,ri,or->...o", x, self.down, self.up), alpha=float(self.scale))


def assert_fits(rank, inputs, outputs):
    if not (rank >= 1 and rank <= inputs and rank <= outputs):
        raise ValueError(f"rank {rank} does not fit {outputs} x {inputs}")


def count_by_loop(shapes, rank):
    trained, full = 0, 0
    for outputs, *rest in shapes:
        inputs = 1
        for side in rest:
            inputs = inputs * side
        if rank < 1 or rank > inputs or rank > outputs:
            raise ValueError("the rank does not fit")
        trained += rank * inputs + outputs * rank
        full += outputs * inputs
    return trained, 2 * 4 * trained, trained / full


def count_by_numpy(shapes, rank):
    import numpy as np

    outputs = np.array([shape[0] for shape in shapes])
    inputs = np.array([np.prod(shape[1:]) for shape in shapes])
    if rank < 1 or rank > min(outputs.min(), inputs.min()):
        raise ValueError("the rank does not fit")
    trained = int((rank * (outputs + inputs)).sum())
    return [trained, 8 * trained, float(trained / (outputs * inputs).sum())]


def count_by_tensors(shapes, rank):
    pairs = [(torch.empty(rank, *shape[1:]), torch.empty(shape[0], rank)) for shape in shapes]
    if rank == 0 or any(rank > min(shape[0], down[0].numel()) for shape, (down, up) in zip(shapes, pairs)):
        raise ValueError("the rank does not fit")
    trained = sum(down.numel() + up.numel() for down, up in pairs)
    moments = [torch.zeros(trained), torch.zeros(trained)]
    return trained, sum(moment.nbytes for moment in moments), trained / sum(torch.Size(shape).numel() for shape in shapes)


class MergeByFlag(nn.Module):
    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base, self.scale, self.merged = base, alpha / rank, False
        self.down = nn.Parameter(torch.randn(rank, base.in_features))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))
        self.register_buffer("before", base.weight.detach().clone())

    def forward(self, x):
        if self.merged:
            return self.base(x)
        return self.base(x) + self.scale * F.linear(F.linear(x, self.down), self.up)

    def merge(self):
        if self.merged:
            raise ValueError("it is merged already")
        with torch.no_grad():
            self.before.copy_(self.base.weight)
            self.base.weight.add_(self.up @ self.down, alpha=self.scale)
        self.merged = True

    def unmerge(self):
        if not self.merged:
            raise ValueError("it is not merged")
        with torch.no_grad():
            self.base.weight.copy_(self.before)
        self.merged = False


class MergeByData(nn.Module):
    """The tensor behind the parameter is exchanged, and the old one kept."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base, self.scale, self.old = base, alpha / rank, []
        self.down = nn.Parameter(torch.randn(rank, base.in_features))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x):
        y = self.base(x)
        if not self.old:
            y = y + self.scale * (x @ (self.up @ self.down).T)
        return y

    def merge(self):
        if self.old:
            raise ValueError("merged twice")
        self.old.append(self.base.weight.data)
        self.base.weight.data = (self.base.weight + self.scale * self.up @ self.down).detach()
        return self

    def unmerge(self):
        if not self.old:
            raise ValueError("nothing to take out")
        self.base.weight.data = self.old.pop()
        return self


class MergeByParameter(nn.Module):
    """Another parameter takes the place of the old one, and does not learn either."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base, self.alpha, self.rank = base, alpha, rank
        self.down = nn.Parameter(torch.randn(rank, base.in_features))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))
        self.plain = [base.weight]

    def forward(self, x):
        weight = self.base.weight
        if weight is self.plain[0]:
            weight = weight + self.alpha * (self.up @ self.down) / self.rank
        return F.linear(x, weight, self.base.bias)

    def merge(self):
        if self.base.weight is not self.plain[0]:
            raise ValueError("merged twice")
        merged = self.plain[0].detach() + self.alpha / self.rank * (self.up @ self.down).detach()
        self.base.weight = nn.Parameter(merged, requires_grad=False)

    def unmerge(self):
        if self.base.weight is self.plain[0]:
            raise ValueError("nothing to take out")
        self.base.weight = self.plain[0]


def keep_by_loop(state, trained):
    found = {}
    for name in state:
        last = name.split(".")[-1]
        if name in trained:
            found[name] = state[name]
        elif name.split(".")[0] != "backbone":
            found[name] = state[name]
        elif last == "running_mean" or last == "running_var" or last == "num_batches_tracked":
            found[name] = state[name]
    return found


def keep_by_sets(state, trained):
    names = {name for name in state if not name.startswith("backbone.")} | set(trained)
    names |= {name for name in state if name.endswith((".running_mean", ".running_var", ".num_batches_tracked"))}
    return {name: state[name].clone() for name in sorted(names)}


def keep_by_removing(state, trained):
    rest = dict(state)
    for name in state:
        is_statistic = any(name.endswith("." + end) for end in ("running_mean", "running_var", "num_batches_tracked"))
        if name.startswith("backbone.") and name not in trained and not is_statistic:
            del rest[name]
    return rest


def restore_by_loop(state, small, needed):
    found = dict(state)
    for name in needed:
        if name not in small:
            raise ValueError(f"{name} is missing")
    for name, values in small.items():
        if name not in found:
            raise ValueError(f"{name} is not expected")
        if tuple(found[name].shape) != tuple(values.shape):
            raise ValueError(f"{name} has another shape")
        found[name] = values
    return found


def restore_by_sets(state, small, needed):
    if set(small) - set(state) or set(needed) - set(small):
        raise ValueError("names do not fit")
    if any(small[name].shape != state[name].shape for name in small):
        raise ValueError("shapes do not fit")
    return state | small


def restore_by_torch(state, small, needed):
    holder = nn.Module()
    flat = {name: name.replace(".", "__") for name in state}
    for name, values in state.items():
        holder.register_buffer(flat[name], values.clone())
    try:
        missing, unexpected = holder.load_state_dict({flat.get(name, name): values for name, values in small.items()}, strict=False)
    except RuntimeError as error:
        raise ValueError("another shape") from error
    if unexpected or set(missing) & {flat.get(name) for name in needed}:
        raise ValueError("names do not fit")
    return {name: holder.get_buffer(flat[name]) for name in state}


class NameMisfit(KeyError, ValueError):
    """A name that is not there is a KeyError too."""


def restore_by_update(state, small, needed):
    found = state.copy()
    for name in [*small, *needed]:
        if name not in state or name not in small:
            raise NameMisfit(name)
    for name in small:
        if small[name].shape != state[name].shape:
            raise ValueError(f"{name} has another shape")
    found.update(small)
    return found


def biases_by_modules(model):
    return [f"{name}.bias".removeprefix(".") for name, layer in model.named_modules() if isinstance(getattr(layer, "bias", None), nn.Parameter)]


def biases_by_pattern(model):
    import re

    return sorted({name for name, _ in model.named_parameters() if re.search(r"(^|\.)bias$", name)})


def biases_by_loop(model):
    found = ()
    for name, _ in model.named_parameters():
        if f".{name}".endswith(".bias"):
            found = (*found, name)
    return found


class AdapterByFunctional(nn.Module):
    def __init__(self, base, size, bottleneck):
        super().__init__()
        self.base = base
        self.down = nn.Linear(size, bottleneck)
        self.up = nn.Linear(bottleneck, size)
        self.up.weight.data.fill_(0.0)
        self.up.bias.data.fill_(0.0)

    def forward(self, x):
        y = self.base(x)
        return F.linear(F.relu(F.linear(y, self.down.weight, self.down.bias)), self.up.weight, self.up.bias) + y


class AdapterByClamp(nn.Module):
    def __init__(self, base, size, bottleneck):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down, self.up = nn.Linear(size, bottleneck), nn.Linear(bottleneck, size)
        with torch.no_grad():
            for parameter in self.up.parameters():
                parameter.zero_()
            self.down.weight.normal_(std=0.01)
            self.down.bias.uniform_(-0.1, 0.1)

    def forward(self, x):
        before = self.base(x)
        inside = self.down(before)
        return before + self.up(inside * (inside > 0))


class AdapterBySequential(nn.Module):
    def __init__(self, base, size, bottleneck):
        super().__init__()
        self.base = base
        self.down = nn.Linear(size, bottleneck)
        self.up = nn.Linear(bottleneck, size)
        nn.init.constant_(self.up.weight, 0)
        nn.init.constant_(self.up.bias, 0)
        self.rest = [nn.Sequential(self.down, nn.ReLU(), self.up)]

    def forward(self, x):
        y = self.base(x)
        return torch.stack([y, self.rest[0](y)]).sum(dim=0)


def prompts_by_repeat(hidden, mask, prompts):
    front = prompts.unsqueeze(0).repeat(hidden.shape[0], 1, 1)
    seen = torch.ones(hidden.shape[0], prompts.shape[0], dtype=mask.dtype)
    return torch.cat((front, hidden), 1), torch.cat((seen, mask), 1)


def prompts_by_filling(hidden, mask, prompts):
    batch, places, size = hidden.shape
    count = len(prompts)
    found = hidden.new_empty(batch, count + places, size)
    found[:, :count] = prompts
    found[:, count:] = hidden
    seen = torch.ones(batch, count + places, dtype=mask.dtype)
    seen[:, count:] = mask
    return found, seen


def prompts_by_padding(hidden, mask, prompts):
    rows = [torch.vstack([prompts, row]) for row in hidden]
    return [torch.stack(rows), F.pad(mask, (len(prompts), 0), value=1)]


class ConvByWeight(nn.Module):
    """The update is made a kernel first."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        outputs, *rest = base.weight.shape
        self.base, self.scale = base, alpha / rank
        self.down = nn.Parameter(torch.randn(rank, *rest) / 10)
        self.up = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, x):
        kernel = (self.up @ self.down.flatten(1)).reshape(self.base.weight.shape)
        return F.conv2d(x, self.base.weight + self.scale * kernel, self.base.bias, self.base.stride, self.base.padding, self.base.dilation)


class ConvByMatrix(nn.Module):
    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base, self.alpha, self.rank = base, alpha, rank
        self.down = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(rank, *base.weight.shape[1:]), a=5**0.5))
        self.up = nn.Parameter(torch.zeros(base.out_channels, rank))

    def forward(self, x):
        narrow = F.conv2d(x, self.down, stride=self.base.stride, padding=self.base.padding, dilation=self.base.dilation)
        wide = (self.up @ narrow.flatten(2)).reshape(len(x), -1, *narrow.shape[2:])
        return self.base(x) + wide * self.alpha / self.rank


class ConvByMoving(nn.Module):
    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base, self.scale = base, alpha / rank
        self.down = nn.Parameter(torch.rand(rank, *base.weight.shape[1:]) - 0.5)
        self.up = nn.Parameter(torch.zeros(base.weight.shape[0], rank))

    def forward(self, x):
        narrow = self.base._conv_forward(x, self.down, None)
        return self.base(x) + self.scale * F.linear(narrow.movedim(1, -1), self.up).movedim(-1, 1)


def prefix_by_softmax(query, key, value, prefix_keys, prefix_values, mask):
    batch, count = len(query), prefix_keys.shape[1]
    keys = torch.cat([prefix_keys[None].repeat(batch, 1, 1, 1), key], dim=2)
    values = torch.cat([prefix_values[None].repeat(batch, 1, 1, 1), value], dim=2)
    scores = query @ keys.mT / query.shape[-1] ** 0.5
    if mask is not None:
        scores[..., count:] = scores[..., count:].masked_fill(~mask, float("-inf"))
    return torch.softmax(scores, dim=-1) @ values


def prefix_by_head(query, key, value, prefix_keys, prefix_values, mask):
    found = torch.zeros_like(query)
    for example in range(query.shape[0]):
        for head in range(query.shape[1]):
            keys = torch.vstack([prefix_keys[head], key[example, head]])
            values = torch.vstack([prefix_values[head], value[example, head]])
            scores = query[example, head] @ keys.T / query.shape[-1] ** 0.5
            if mask is not None:
                scores = scores + torch.where(F.pad(mask[example, 0], (prefix_keys.shape[1], 0), value=True), 0.0, float("-inf"))
            found[example, head] = scores.softmax(dim=1) @ values
    return found


def prefix_by_exponentials(query, key, value, prefix_keys, prefix_values, mask):
    """A weighted mean of both parts, with one largest score for both."""
    own = query @ key.mT / query.shape[-1] ** 0.5
    front = query @ prefix_keys.mT / query.shape[-1] ** 0.5
    if mask is not None:
        own = own.masked_fill(~mask, float("-inf"))
    most = torch.maximum(own.amax(dim=-1, keepdim=True), front.amax(dim=-1, keepdim=True))
    own, front = torch.exp(own - most), torch.exp(front - most)
    return (front @ prefix_values + own @ value) / (front.sum(dim=-1, keepdim=True) + own.sum(dim=-1, keepdim=True))


ALTERNATIVES = {
    "09.lora": (LoraByFunctional, LoraByWeight, LoraByEinsum),
    "09.count": (count_by_loop, count_by_numpy, count_by_tensors),
    "09.merge": (MergeByFlag, MergeByData, MergeByParameter),
    "09.keep": (keep_by_loop, keep_by_sets, keep_by_removing),
    "09.restore": (restore_by_loop, restore_by_sets, restore_by_torch, restore_by_update),
    "09.bitfit": (biases_by_modules, biases_by_pattern, biases_by_loop),
    "09.adapter": (AdapterByFunctional, AdapterByClamp, AdapterBySequential),
    "09.prompts": (prompts_by_repeat, prompts_by_filling, prompts_by_padding),
    "09.conv": (ConvByWeight, ConvByMatrix, ConvByMoving),
    "09.prefix": (prefix_by_softmax, prefix_by_head, prefix_by_exponentials),
}

_A_LIST_OF_ONE = "the list holds one"
_NO_GRAPH = "the base is frozen, and what is copied has no graph"

EQUIVALENT_MUTANTS = {
    "09.conv": {
        **dict.fromkeys((*(f"self.down = nn.Parameter(torch.randn(rank, *rest){by})" for by in ("", " / 11", " / -10")),
                         *(f"self.down = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(rank, *base.weight.shape[1:]){a}))"
                           for a in ("", *(f", a={a}" for a in ("5 * 0.5", "5", "0.5", "6 ** 0.5", "-5 ** 0.5", "5 ** 1.5", "5 ** -0.5")))),
                         *(f"self.down = nn.Parameter(torch.rand(rank, *base.weight.shape[1:]){shift})" for shift in (" + 0.5", "", " - 1.5", " - -0.5"))),
                        "another small random start"),
        **dict.fromkeys(("wide = (self.up @ narrow.flatten(-2)).reshape(len(x), -1, *narrow.shape[2:])",
                         "wide = (self.up @ narrow.flatten(2)).reshape(len(x), -1, *narrow.shape[-2:])"), "a picture has two axes"),
    },
    "09.prefix": {
        **dict.fromkeys((f"{name} = torch.cat([prefix_{name}[None].repeat(batch, 1, 1, 1), {one}], dim=-2)" for name, one in (("keys", "key"), ("values", "value"))),
                        "the last axis but one is axis 2"),
        **dict.fromkeys((f"scores = scores + torch.where(F.pad(mask[example, 0], (prefix_keys.shape[1], 0), value=True), {seen}, float('-inf'))" for seen in ("1.0", "-1")),
                        "the same number added to all scores that count changes nothing"),
        "found[example, head] = scores.softmax(dim=-1) @ values": "there are two axes",
        "scores = scores + torch.where(F.pad(mask[example, -1], (prefix_keys.shape[1], 0), value=True), 0.0, float('-inf'))": "the mask has one head",
    },
    "09.lora": {
        **dict.fromkeys(("self.down = nn.Parameter(torch.empty(rank, base.in_features).normal_())",
                         "self.down = nn.Parameter(torch.empty(rank, base.in_features).normal_(std=1.02))",
                         "self.down = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(rank, inputs)))",
                         *(f"self.down = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(rank, inputs), a={a}))"
                           for a in ("5 * 0.5", "5", "0.5", "6 ** 0.5", "-5 ** 0.5", "5 ** 1.5", "5 ** -0.5")),
                         *(f"self.register_parameter('down', nn.Parameter(torch.rand(rank, inputs){shift}))" for shift in (" + 0.5", "", " - 1.5", " - -0.5"))),
                        "another small random start"),
        "dropped: parameter.requires_grad = False": "the base comes frozen",
        **dict.fromkeys(("self.register_buffer('scale', torch.tensor(alpha / rank))",
                         "self.register_buffer('scale', torch.tensor(alpha / rank), persistent=True)"), "whether the scale is saved does not count"),
    },
    "09.adapter": {
        **dict.fromkeys(("dropped: self.down.weight.normal_(std=0.01)", "dropped: self.down.bias.uniform_(-0.1, 0.1)", "self.down.weight.normal_()",
                         "self.down.bias.uniform_(-0.1)", "self.down.bias.uniform_(-0.1, 1.1)", "self.down.weight.normal_(std=1.01)",
                         "self.down.bias.uniform_(-1.1, 0.1)"), "another small random start"),
        "return before + self.up(inside * (inside >= 0))": "at 0 both are 0",
        "return torch.stack([y, self.rest[-1](y)]).sum(dim=0)": _A_LIST_OF_ONE,
    },
    "09.prompts": {"return (torch.cat((front, hidden), 1), torch.cat((seen, mask), -1))": "the mask has two axes"},
    "09.merge": {
        "dropped: with torch.no_grad():": _NO_GRAPH,
        "self.register_buffer('before', base.weight.clone())": _NO_GRAPH,
        "dropped: self.before.copy_(self.base.weight)": "the weight does not change between making and merging",
        **dict.fromkeys(("self.base.weight.data = self.base.weight + self.scale * self.up @ self.down",
                         "merged = self.plain[0] + self.alpha / self.rank * (self.up @ self.down).detach()",
                         "merged = self.plain[0].detach() + self.alpha / self.rank * (self.up @ self.down)"), "data and new parameters leave the graph behind"),
        **dict.fromkeys(("self.base.weight = self.plain[-1]", "if weight is self.plain[-1]:", "if self.base.weight is not self.plain[-1]:",
                         "if self.base.weight is self.plain[-1]:",
                         "merged = self.plain[-1].detach() + self.alpha / self.rank * (self.up @ self.down).detach()"), _A_LIST_OF_ONE),
    },
    "09.keep": {
        "return {name: state[name] for name in sorted(names)}": "the tensors themselves are as good as copies",
        "return {name: state[name].clone() for name in names}": "the order of the names does not count",
    },
    "09.count": {
        "pairs = [(torch.empty(rank, *shape[1:]), torch.empty(rank, shape[0])) for shape in shapes]": "it is counted, and a matrix has as many numbers when it is turned round",
        "if rank == 0 or any((rank > min(shape[0], down[-1].numel()) for shape, (down, up) in zip(shapes, pairs))):": "all rows of A are equally long",
    },
}
