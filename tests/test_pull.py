import torch
from torch import nn

from tlkit.gradients import l2_sp_gradient
from tlkit.pull import pull_to_start, pulled_loss


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()


def start_of(model, parts=("0", "1")):
    torch.manual_seed(1)
    return {name: torch.randn_like(value.double()) for name, value in model.state_dict().items() if name.startswith(parts)}


def test_the_pull_is_zero_at_the_start_and_grows_with_the_square_of_the_distance():
    model = network()
    here = {name: value.clone() for name, value in model.state_dict().items() if name.startswith("0")}
    assert pull_to_start(model, here, 3.0) == 0
    moved = {"0.bias": here["0.bias"] + 2}
    assert pull_to_start(model, moved, 3.0).item() == 3.0 / 2 * 4 * 4


def test_its_gradient_is_the_closed_form_and_what_has_no_start_gets_none():
    model = network()
    start = start_of(model)
    pull_to_start(model, start, 0.3).backward()
    pulled = [(name, parameter) for name, parameter in model.named_parameters() if name in start]
    due = l2_sp_gradient([parameter.detach() for _, parameter in pulled], [start[name] for name, _ in pulled], strength=0.3)
    for (name, parameter), gradient in zip(pulled, due, strict=True):
        assert torch.allclose(parameter.grad, gradient), name
    assert model[2].weight.grad is None and model[2].bias.grad is None


def test_frozen_parameters_and_buffers_do_not_count():
    model = network()
    start = start_of(model)
    without = {name: value for name, value in start.items() if "running" not in name and "batches" not in name}
    assert pull_to_start(model, start, 1.0) == pull_to_start(model, without, 1.0)
    model[0].requires_grad_(False)
    assert pull_to_start(model, start, 1.0) == pull_to_start(model, {name: v for name, v in without.items() if name[0] == "1"}, 1.0)


def test_the_loss_with_the_pull_is_sent_back_whole():
    model, twin = network(), network()
    start, inputs, labels = start_of(model), torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 1, 0])
    value = pulled_loss(model, start, 0.5, inputs, labels)
    loss = nn.functional.cross_entropy(twin(inputs), labels) + pull_to_start(twin, start, 0.5)
    loss.backward()
    assert abs(value - loss.item()) < 1e-12
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad)
