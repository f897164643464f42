"""Gradients in closed form, and their derivations, each step of which proves itself.

Names are looked up on first use, so that importing the package pulls in neither torch nor sympy.
"""

from importlib import import_module

_HOME_OF = {
    "derive": "derived", "derivations": "derived",
    "gradient_check": "checking", "GradientMismatch": "checking", "numerical_gradient": "numeric",
    "sigmoid_gradient": "binary", "bce_gradient": "binary", "bce_with_logits_gradient": "binary",
    "softmax_gradient": "categorical", "cross_entropy_gradient": "categorical", "distillation_gradient": "categorical",
    "mse_gradient": "regression", "huber_gradient": "regression", "l2_sp_gradient": "regression",
    "relu_gradient": "pointwise", "gelu_gradient": "pointwise", "dropout_gradient": "pointwise",
    "linear_gradients": "linear", "lora_gradients": "linear", "embedding_gradient": "linear",
    "layernorm_gradients": "normalisation", "batchnorm_gradients": "normalisation",
    "mean_pooling_gradient": "attention", "attention_gradients": "attention",
    "convolution_gradients": "convolution", "prompt_gradient": "frozen",
}

__all__ = list(_HOME_OF)


def __getattr__(name: str):
    if name not in _HOME_OF:
        raise AttributeError(f"tlkit.gradients has no name {name!r}; it offers {', '.join(_HOME_OF)}")
    found = getattr(import_module(f"tlkit.gradients.{_HOME_OF[name]}"), name)
    globals()[name] = found  # a submodule may bear the same name, and is set when it is imported
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
