"""Bad input gets one clear error, also where torch returns nan."""

import pytest
import torch
from torch.nn import functional as F

from tlkit import gradients as G
from tlkit.errors import TlkitError

Z, Y, P = torch.randn(3, 4), torch.tensor([0, 3, 1]), torch.rand(3, 4)
INF = torch.tensor([[1.0, float("inf")], [0.0, 0.0]])

REFUSED = {
    "probabilities above 1": (lambda: G.bce_gradient(P + 1, P), "probabilities must lie between 0 and 1"),
    "probabilities below 0": (lambda: G.bce_gradient(P - 1, P), "probabilities must lie between 0 and 1"),
    "targets above 1": (lambda: G.bce_with_logits_gradient(Z, P + 1), "targets must lie between 0 and 1"),
    "label out of range": (lambda: G.cross_entropy_gradient(Z, torch.tensor([0, 4, 1])), r"label 4 is outside of 0 \.\.\. 3"),
    "negative label": (lambda: G.cross_entropy_gradient(Z, torch.tensor([0, -1, 1])), "label -1 is outside"),
    "labels of floats": (lambda: G.cross_entropy_gradient(Z, Y.float()), "labels are of type torch.float32"),
    "labels of bools": (lambda: G.cross_entropy_gradient(Z, Y > 0), "labels are of type torch.bool"),
    "labels one-hot": (lambda: G.cross_entropy_gradient(Z, F.one_hot(Y, 4)), "labels has shape (3, 4)"),
    "too few labels": (lambda: G.cross_entropy_gradient(Z, Y[:2]), "one label for each row"),
    "all ignored": (lambda: G.cross_entropy_gradient(Z, torch.full((3,), -100)), "all 3 labels are -100"),
    "all of weight 0": (lambda: G.cross_entropy_gradient(Z, Y, class_weights=torch.zeros(4)), "weights of all labels"),
    "weights for other classes": (lambda: G.cross_entropy_gradient(Z, Y, class_weights=torch.ones(3)), "one weight for each class"),
    "smoothing above 1": (lambda: G.cross_entropy_gradient(Z, Y, label_smoothing=1.5), "label_smoothing=1.5"),
    "an empty batch": (lambda: G.cross_entropy_gradient(Z[:0], Y[:0]), "logits is empty"),
    "an empty batch, binary": (lambda: G.bce_with_logits_gradient(Z[:0], P[:0]), "logits is empty"),
    "an empty batch, mse": (lambda: G.mse_gradient(Z[:0], P[:0]), "outputs is empty"),
    "an empty batch, distilled": (lambda: G.distillation_gradient(Z[:0], Z[:0]), "student_logits is empty"),
    "infinite logits": (lambda: G.cross_entropy_gradient(INF, torch.tensor([0, 1])), "logits holds 1 infinite value"),
    "infinite logits, binary": (lambda: G.bce_with_logits_gradient(INF, torch.zeros(2, 2)), "logits holds 1 infinite value"),
    "infinite logits, minus": (lambda: G.cross_entropy_gradient(-INF, torch.tensor([0, 1])), "logits holds 1 infinite value"),
    "infinite teacher": (lambda: G.distillation_gradient(INF.nan_to_num(posinf=0), INF), "teacher_logits holds 1 infinite value"),
    "infinite scores": (lambda: G.softmax_gradient(INF, INF), "inputs holds 1 infinite value"),
    "temperature 0": (lambda: G.distillation_gradient(Z, Z, temperature=0.0), "temperature=0.0 must be above 0"),
    "shapes that would broadcast": (lambda: G.mse_gradient(Z, Z[:1]), "they must be the same"),
    "shapes that would broadcast, binary": (lambda: G.bce_gradient(P, P[:, :1]), "they must be the same"),
    "upstream of a mean": (lambda: G.mse_gradient(Z, Z, torch.ones(3, 4)), "the loss is one number"),
    "upstream of no reduction": (lambda: G.mse_gradient(Z, Z, torch.ones(3), reduction="none"), "one number for each loss"),
    "unknown reduction": (lambda: G.huber_gradient(Z, Z, reduction="average"), "reduction='average'"),
    "delta 0": (lambda: G.huber_gradient(Z, Z, delta=0.0), "delta=0.0"),
    "anchors missing": (lambda: G.l2_sp_gradient([Z], []), "1 parameters and 0 anchors"),
    "no parameters": (lambda: G.l2_sp_gradient([], []), "0 parameters"),
    "rate 1": (lambda: G.dropout_gradient(P > 0.5, P, rate=1.0), "rate=1.0"),
    "a mask already scaled": (lambda: G.dropout_gradient(2 * (P > 0.5).float(), P, rate=0.5), "0 and 1 only"),
    "unknown approximation": (lambda: G.gelu_gradient(Z, Z, approximate="erf"), "approximate='erf'"),
    "a layer's shapes": (lambda: G.linear_gradients(Z, torch.ones(2, 3), torch.ones(3, 2)), "(..., I)"),
    "a layer's upstream": (lambda: G.linear_gradients(Z, torch.ones(2, 4), torch.ones(3, 4)), "(..., O)"),
    "lora's shapes": (lambda: G.lora_gradients(Z, torch.ones(2, 4), torch.ones(1, 4), torch.ones(1, 2), torch.ones(3, 2), scale=1.0), "(O, R)"),
    "an index out of range": (lambda: G.embedding_gradient(torch.tensor([5]), torch.ones(1, 2), rows=5), "rows are 0 ... 4"),
    "an index of floats": (lambda: G.embedding_gradient(torch.tensor([1.0]), torch.ones(1, 2), rows=5), "whole numbers"),
    "one value a channel": (lambda: G.batchnorm_gradients(Z[:1], torch.ones(4), Z[:1]), "larger batch"),
    "no running statistics": (lambda: G.batchnorm_gradients(Z, torch.ones(4), Z, training=False), "running_mean"),
    "nothing to pool": (lambda: G.mean_pooling_gradient(torch.tensor([[1, 1], [0, 0]]), torch.ones(2, 3)), "row 1 of the mask"),
    "nothing to attend to": (lambda: G.attention_gradients(Z, Z, Z, Z, torch.zeros(3, 3, dtype=torch.bool)), "no place at all"),
    "a mask of numbers": (lambda: G.attention_gradients(Z, Z, Z, Z, torch.ones(3, 3)), "torch.bool is due"),
    "a convolution's upstream": (lambda: G.convolution_gradients(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)),
                                 "(1, 1, 2, 2)"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_is_refused_in_one_sentence(what):
    call, words = REFUSED[what]
    with pytest.raises(TlkitError) as raised:
        call()
    message = str(raised.value)
    assert words.replace("\\", "") in message
    assert "\n" not in message


def test_torch_returns_nan_where_an_error_is_clearer():
    assert torch.isnan(F.cross_entropy(Z, torch.full((3,), -100)))
    assert torch.isnan(F.cross_entropy(INF, torch.tensor([1, 1])))


def test_nan_goes_through_as_in_torch():
    z = torch.tensor([[float("nan"), 1.0], [0.0, 1.0]])
    found = G.cross_entropy_gradient(z, torch.tensor([0, 1]))
    assert torch.isnan(found[0]).all() and torch.isfinite(found[1]).all()
