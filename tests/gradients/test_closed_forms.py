"""Every closed form against torch's own gradient and against differences, on random shapes and upstream gradients."""

import pytest
import torch
from torch.nn import functional as F

from tlkit.gradients import (
    attention_gradients, batchnorm_gradients, bce_gradient, bce_with_logits_gradient, convolution_gradients,
    cross_entropy_gradient, distillation_gradient, dropout_gradient, embedding_gradient, gelu_gradient, gradient_check,
    huber_gradient, l2_sp_gradient, linear_gradients, lora_gradients, mse_gradient, relu_gradient, softmax_gradient,
)
from tlkit.gradients.closed_forms import CLOSED_FORMS, relative_error

every_form = pytest.mark.parametrize("form", CLOSED_FORMS, ids=lambda form: form.name)
BOUND = {torch.float64: 1e-13, torch.float32: 5e-6, torch.bfloat16: 0.05}


@every_form
@pytest.mark.parametrize("dtype", BOUND, ids=str)
def test_a_closed_form_is_autograds_gradient_in_value_shape_and_type(form, dtype):
    for seed in range(40):
        example = form.example(seed, dtype)
        found, due = form.by_formula(example), form.by_autograd(example)
        assert [(f.shape, f.dtype) for f in found] == [(d.shape, d.dtype) for d in due]
        assert relative_error(found, due) < BOUND[dtype], f"seed {seed}"


@every_form
def test_a_closed_form_passes_the_gradient_check(form):
    for seed in range(3):
        example = form.example(seed, largest=4)
        report = gradient_check(lambda *inputs: form.function(*inputs, **example.fixed), example.inputs,
                                lambda *inputs_and_upstream: form.gradients(*inputs_and_upstream, **example.fixed))
        assert set(report.worst) == set(example.inputs)


@every_form
def test_a_closed_form_leaves_its_inputs_as_they_were(form):
    example = form.example(5)
    before = {name: tensor.clone() for name, tensor in example.inputs.items()}
    upstream = example.upstream.clone()
    form.by_formula(example)
    assert all(torch.equal(example.inputs[name], tensor) for name, tensor in before.items())
    assert torch.equal(example.upstream, upstream)


def autograd(function, *inputs, upstream=None):
    leaves = [x.detach().requires_grad_() for x in inputs]
    output = function(*leaves)
    return torch.autograd.grad(output, leaves, upstream if upstream is not None else torch.ones_like(output))


Z = torch.tensor([[2.0, -1.0, 0.5, 3.0], [0.0, 0.0, 0.0, 0.0], [-4.0, 4.0, 1.0, -2.0]], dtype=torch.float64)
LABELS = torch.tensor([3, -100, 0])
WEIGHTS = torch.tensor([0.2, 1.0, 3.0, 0.7], dtype=torch.float64)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("ignored", [-100, 0])
def test_cross_entropy_follows_torch_in_every_option(reduction, smoothing, weights, ignored):
    labels = LABELS.clamp(min=0) if ignored == 0 else LABELS
    upstream = torch.tensor([1.5, -2.0, 0.3], dtype=torch.float64) if reduction == "none" else torch.tensor(1.5, dtype=torch.float64)
    (due,) = autograd(lambda z: F.cross_entropy(z, labels, weights, ignore_index=ignored, reduction=reduction,
                                                label_smoothing=smoothing), Z, upstream=upstream)
    found = cross_entropy_gradient(Z, labels, upstream, label_smoothing=smoothing, class_weights=weights, ignore_index=ignored,
                                   reduction=reduction)
    torch.testing.assert_close(found, due, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses_follow_torch_in_every_reduction(reduction):
    x, y = torch.rand(3, 4, dtype=torch.float64), torch.rand(3, 4, dtype=torch.float64)
    g = torch.rand(3, 4, dtype=torch.float64) if reduction == "none" else torch.tensor(-0.7, dtype=torch.float64)
    pairs = [
        (bce_gradient(x, y, g, reduction=reduction), lambda x: F.binary_cross_entropy(x, y, reduction=reduction)),
        (bce_with_logits_gradient(x, y, g, reduction=reduction), lambda x: F.binary_cross_entropy_with_logits(x, y, reduction=reduction)),
        (mse_gradient(x, y, g, reduction=reduction), lambda x: F.mse_loss(x, y, reduction=reduction)),
        (huber_gradient(x, y, g, delta=0.2, reduction=reduction), lambda x: F.huber_loss(x, y, delta=0.2, reduction=reduction)),
    ]
    for found, function in pairs:
        torch.testing.assert_close(found, autograd(function, x, upstream=g)[0], rtol=1e-12, atol=1e-15)


def test_distillation_is_torchs_divergence_times_the_squared_temperature():
    s, t = torch.randn(2, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for reduction, torchs in (("mean", "batchmean"), ("sum", "sum")):
        (due,) = autograd(lambda s: 9 * F.kl_div(F.log_softmax(s / 3, 1), F.softmax(t / 3, 1), reduction=torchs), s)
        torch.testing.assert_close(distillation_gradient(s, t, temperature=3.0, reduction=reduction), due, rtol=1e-12, atol=1e-15)
    each = distillation_gradient(s, t, torch.tensor([1.0, 0, 0, 0, 2.0]), temperature=3.0, reduction="none")
    torch.testing.assert_close(each[4], 2 * distillation_gradient(s[4:], t[4:], temperature=3.0)[0])
    assert not each[1:4].any()


@pytest.mark.parametrize("size", [1e4, 50.0, 1.0])
def test_gradients_on_logits_are_right_at_any_size(size):
    z = torch.tensor([[size, -size], [-size, size], [size, size]], dtype=torch.float64)
    y, weights = torch.tensor([[1.0, 1.0], [0.0, 0.0], [0.25, 0.5]], dtype=torch.float64), torch.tensor([1.0, 2.5], dtype=torch.float64)
    for w in (None, weights):
        (due,) = autograd(lambda z: F.binary_cross_entropy_with_logits(z, y, pos_weight=w), z)
        found = bce_with_logits_gradient(z, y, positive_weights=w)
        assert torch.isfinite(found).all()
        torch.testing.assert_close(found, due, rtol=1e-12, atol=1e-16)
    (due,) = autograd(lambda z: F.cross_entropy(z, torch.tensor([0, 0, 1])), z)
    torch.testing.assert_close(cross_entropy_gradient(z, torch.tensor([0, 0, 1])), due, rtol=1e-12, atol=1e-16)


def test_a_weighted_positive_that_is_all_but_certain_keeps_its_gradient():
    """Torch rounds 1 - s(50) to 0; s(-50) is a number."""
    one = torch.ones(1, 1, dtype=torch.float64)
    found = bce_with_logits_gradient(50 * one, one, positive_weights=2 * one[0])
    torch.testing.assert_close(found, -2 * torch.exp(-50 * one), rtol=1e-12, atol=0)


def test_certain_probabilities_get_torchs_value():
    p, y = torch.tensor([0.0, 1.0, 0.0, 1.0, 1e-15]), torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0])
    (due,) = autograd(lambda p: F.binary_cross_entropy(p, y), p)
    torch.testing.assert_close(bce_gradient(p, y), due)
    assert torch.isfinite(due).all()


def test_kinks_get_torchs_value():
    x = torch.tensor([-1.0, 0.0, 2.0, -3.0, 3.0], dtype=torch.float64)
    torch.testing.assert_close(relu_gradient(x, torch.ones_like(x)), autograd(torch.relu, x)[0])
    zero = torch.zeros_like(x)
    torch.testing.assert_close(huber_gradient(x, zero, delta=2.0), autograd(lambda x: F.huber_loss(x, zero, delta=2.0), x)[0])


def test_gelu_keeps_its_digits_far_out():
    x = torch.tensor([-12.0, -6.0, 6.0, 12.0], dtype=torch.float64)
    high = [float(d) for d in _gelu_slopes(x.tolist())]
    torch.testing.assert_close(gelu_gradient(x, torch.ones_like(x)), torch.tensor(high, dtype=torch.float64), rtol=1e-12, atol=0)


def _gelu_slopes(points):
    import mpmath

    with mpmath.workdps(60):
        return [mpmath.ncdf(x) + x * mpmath.npdf(x) for x in points]


def test_what_was_padded_dropped_or_masked_learns_nothing():
    table = embedding_gradient(torch.tensor([[0, 2, 0]]), torch.ones(1, 3, 2), rows=4, padding_index=0)
    assert table.tolist() == [[0, 0], [0, 0], [1, 1], [0, 0]]
    kept = torch.tensor([[True, False], [False, True]])
    assert dropout_gradient(kept, torch.ones(2, 2), rate=0.5).tolist() == [[2, 0], [0, 2]]
    q, k, v = torch.randn(3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    causal = torch.ones(4, 4, dtype=torch.bool).tril()
    into = attention_gradients(q, k, v, torch.eye(4, dtype=torch.float64)[0].expand(4, 4) * torch.tensor([1.0, 0, 0, 0])[:, None], causal)
    assert not into.values[1:].any() and into.values[0].any()


def test_lora_starts_with_no_gradient_for_down_and_one_for_up():
    x, w, down, g = (torch.randn(*shape, generator=torch.Generator().manual_seed(0)) for shape in ((5, 3), (2, 3), (4, 3), (5, 2)))
    found = lora_gradients(x, w, down, torch.zeros(2, 4), g, scale=2.0)
    assert not found.down.any() and found.up.any()


def test_pulling_weights_back_is_the_gradient_of_the_penalty():
    from tlkit.heads import l2_sp

    w, anchor = [torch.randn(2, 3), torch.randn(4)], [torch.zeros(2, 3), torch.ones(4)]
    due = autograd(lambda *w: l2_sp(w, anchor, 0.1), *w, upstream=torch.tensor(3.0))
    for found, wanted in zip(l2_sp_gradient(w, anchor, 3.0, strength=0.1), due):
        torch.testing.assert_close(found, wanted)


def test_batchnorm_in_evaluation_treats_statistics_as_constants():
    x, g = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    scale, mean, variance = torch.tensor([1.0, 2.0, -1.0]).double(), torch.zeros(3).double(), torch.full((3,), 4.0).double()
    alone = batchnorm_gradients(x[:1], scale, g[:1], running_mean=mean, running_variance=variance, training=False).inputs
    all_of_them = batchnorm_gradients(x, scale, g, running_mean=mean, running_variance=variance, training=False).inputs
    torch.testing.assert_close(all_of_them[:1], alone)
    assert not torch.allclose(batchnorm_gradients(x, scale, g).inputs[:1], alone)


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 2, 2), (3, 0, 1)])
def test_convolution_follows_torch_for_any_window(stride, padding, dilation):
    generator = torch.Generator().manual_seed(stride)
    x, w, b = (torch.randn(*s, generator=generator, dtype=torch.float64) for s in ((2, 3, 9, 8), (4, 3, 3, 2), (4,)))
    window = {"stride": stride, "padding": padding, "dilation": dilation}
    g = torch.randn(F.conv2d(x, w, b, **window).shape, generator=generator, dtype=torch.float64)
    for found, due in zip(convolution_gradients(x, w, g, **window), autograd(lambda *a: F.conv2d(*a, **window), x, w, b, upstream=g)):
        torch.testing.assert_close(found, due, rtol=1e-12, atol=1e-12)


def test_a_linear_layer_takes_any_number_of_batch_axes():
    x, w = torch.randn(2, 3, 4, 5), torch.randn(6, 5)
    for shape in ((5,), (4, 5), (3, 4, 5), (2, 3, 4, 5)):
        inputs = x[(0,) * (4 - len(shape))]
        g = torch.randn(*shape[:-1], 6)
        for found, due in zip(linear_gradients(inputs, w, g), autograd(F.linear, inputs, w, torch.zeros(6), upstream=g)):
            torch.testing.assert_close(found, due, rtol=1e-4, atol=1e-5)


def test_softmax_gradient_is_orthogonal_to_a_common_shift():
    z, g = torch.randn(2, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(softmax_gradient(z, g).sum(-1), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-15)
    torch.testing.assert_close(softmax_gradient(z, g), softmax_gradient(z + 100, g), rtol=1e-10, atol=1e-12)
