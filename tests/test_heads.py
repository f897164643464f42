import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from torch import nn
from torch.nn import functional as F

from tlkit import heads

GENERATOR = torch.Generator().manual_seed(0)


def normal(*shape):
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


def test_cross_entropy_is_its_formula_with_smoothing_and_class_weights():
    logits, labels, weights = normal(7, 4), torch.tensor([0, 3, 1, 1, 2, 0, 3]), torch.rand(4, generator=GENERATOR).double() + 0.1
    log_p, w, a = log_softmax(logits.numpy(), axis=1), weights.numpy(), 0.3
    each = [-(1 - a) * w[y] * log_p[row, y] - a / 4 * (w * log_p[row]).sum() for row, y in enumerate(labels.tolist())]
    expected = sum(each) / w[labels.numpy()].sum()
    assert float(heads.cross_entropy(logits, labels, a, weights)) == pytest.approx(expected, rel=1e-12)
    assert heads.cross_entropy(logits, labels, a, weights, reduction="none").numpy() == pytest.approx(np.array(each))


def test_places_that_are_not_asked_do_not_count():
    logits, targets = normal(2, 5, 3), torch.tensor([[0, -100, 2, 1, -100], [-100, -100, 1, -100, -100]])
    asked = targets != -100
    assert torch.allclose(heads.token_loss(logits, targets), F.cross_entropy(logits[asked], targets[asked]))
    assert heads.token_loss(logits, torch.full((2, 5), -100)).isnan()


def test_a_place_predicts_the_token_after_it_where_that_is_asked():
    tokens, is_asked = torch.tensor([[5, 6, 7, 8], [9, 4, 0, 0]]), torch.tensor([[0, 0, 1, 1], [1, 1, 0, 0]]).bool()
    assert heads.next_token_targets(tokens, is_asked).tolist() == [[-100, 7, 8, -100], [4, -100, -100, -100]]
    logits = normal(2, 4, 10)
    by_hand = [F.cross_entropy(logits[b, t], tokens[b, t + 1]) for b, t in ((0, 1), (0, 2), (1, 0))]
    assert torch.allclose(heads.next_token_loss(logits, tokens, is_asked), torch.stack(by_hand).mean())


def test_balanced_weights_let_all_classes_count_alike():
    from sklearn.utils.class_weight import compute_class_weight

    labels = torch.tensor([0, 2, 2, 2, 1, 2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels.numpy())
    assert heads.balanced_weights(labels, 3).tolist() == pytest.approx(expected)
    assert heads.balanced_weights(labels, 4)[3] == pytest.approx(6 / 4)  # a class that never occurs, as if it did once


def test_huber_is_a_parabola_then_a_line():
    zero = torch.zeros(3)
    assert heads.huber(torch.tensor([0.5, 2.0, -3.0]), zero, delta=2.0, reduction="none").tolist() == [0.125, 2.0, 4.0]


def test_distillation_keeps_the_gradient_at_one_scale_whatever_the_temperature():
    student, teacher = normal(6, 5), normal(6, 5)
    norms = []
    for temperature in (1.0, 20.0, 100.0):
        logits = student.clone().requires_grad_()
        heads.distillation_loss(logits, teacher, temperature).backward()
        norms.append(float(logits.grad.norm()))
    assert 0.2 < norms[1] / norms[0] < 5 and norms[2] == pytest.approx(norms[1], rel=0.1)
    expected = 9 * F.kl_div(F.log_softmax(student / 3, 1), F.log_softmax(teacher / 3, 1), log_target=True, reduction="batchmean")
    assert torch.allclose(heads.distillation_loss(student, teacher, 3.0), expected)


def test_l2_sp_pulls_towards_the_start():
    w, w0 = [normal(3, 2).requires_grad_(), normal(4).requires_grad_()], [normal(3, 2), normal(4)]
    heads.l2_sp(w, w0, strength=0.7).backward()
    for each, anchor in zip(w, w0, strict=True):
        assert torch.allclose(each.grad, 0.7 * (each - anchor).detach())


def test_ctc_sums_over_every_path():
    logits = normal(1, 3, 3)
    p = logits.softmax(-1)[0]
    paths = [(1, 2, 0), (1, 0, 2), (0, 1, 2), (1, 1, 2), (1, 2, 2)]  # all that merge to 1, 2
    expected = -torch.log(sum(p[0, a] * p[1, b] * p[2, c] for a, b, c in paths))
    assert torch.allclose(heads.connectionist_temporal_classification(logits, torch.tensor([[1, 2]])), expected)


def test_frames_of_certain_blank_behind_the_end_change_nothing():
    logits, blank = normal(1, 4, 3), torch.full((1, 6, 3), torch.finfo(torch.float64).min / 2, dtype=torch.float64)
    blank[..., 0] = 0
    targets = torch.tensor([[2, 1]])
    short = heads.connectionist_temporal_classification(logits, targets)
    long = heads.connectionist_temporal_classification(torch.cat([logits, blank], dim=1), targets)
    assert torch.allclose(short, long)


WEIGHTS = torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)
LOSSES = [
    (heads.CrossEntropy(0.1), normal(9, 3), torch.tensor([0, 1, 2, 2, 1, 0, 1, 2, 2])),
    (heads.CrossEntropy(0.1, WEIGHTS), normal(9, 3), torch.tensor([0, 1, 2, 2, 1, 0, 1, 2, 2])),
    (heads.CrossEntropy(), normal(9, 4, 3), torch.tensor([[0, -100, 1, 2], [-100] * 4, [1, 1, 1, -100]]).repeat(3, 1)),
    (heads.BinaryCrossEntropy(), normal(9, 4), (normal(9, 4) > 0).float()),
    (heads.SquaredError(2.5), normal(9), normal(9)),
    (heads.Huber(0.5), normal(9), normal(9)),
    (heads.CTC(), normal(9, 5, 3), torch.tensor([[1, 2], [2, -100], [1, 1]]).repeat(3, 1)),
]


@pytest.mark.parametrize("loss, outputs, targets", LOSSES, ids=lambda each: type(each).__name__ if isinstance(each, nn.Module) else "")
def test_sums_over_parts_give_the_loss_of_the_whole_batch(loss, outputs, targets):
    whole = loss(outputs, targets)
    cuts = [slice(0, 1), slice(1, 4), slice(4, 9)]
    total = sum(loss.total(outputs[cut], targets[cut]) for cut in cuts)
    weight = sum(loss.weight(targets[cut]) for cut in cuts)
    assert torch.allclose(total / weight, whole, rtol=1e-12)


def test_class_losses_agree_with_torch():
    _, outputs, targets = LOSSES[1]
    assert torch.allclose(heads.CrossEntropy(0.1, WEIGHTS)(outputs, targets), F.cross_entropy(outputs, targets, WEIGHTS, label_smoothing=0.1))
    _, outputs, targets = LOSSES[3]
    assert torch.allclose(heads.BinaryCrossEntropy()(outputs, targets), F.binary_cross_entropy_with_logits(outputs, targets.double()))
