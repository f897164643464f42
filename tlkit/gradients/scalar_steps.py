"""Single lines of the scalar derivations, as numbers: what unit 03 asks for as formulas."""


def bce_step(step: str, p: float, y: float, N: float, g: float) -> float:
    """A step from the loss -(y log p + (1 - y) log(1 - p)), p = sigmoid(z), to its gradient by z.

    Args:
        step: "dl_dp" the outer derivative, "dp_dz" the inner one, "dl_dz" their product, "dL_dz" the gradient by one
            logit of the mean over N examples, times g from above.
        p: probability, strictly between 0 and 1.
        y: target.
        N: number of examples.
        g: upstream gradient of the mean.
    """
    if step == "dl_dp":
        return -y / p + (1 - y) / (1 - p)
    if step == "dp_dz":
        return p * (1 - p)
    return p - y if step == "dl_dz" else g * (p - y) / N


def mended_term(line: str, l: float, s: float, y: float, f: float, d: float, N: float) -> float:  # noqa: E741
    """What example i adds to a line of section 4.2 of the source, mended.

    Args:
        line: "loss" and "gradient" of the mean, "slope" of one example's loss, "expanded" the gradient with it put in.
        l: the example's loss, s: its derivative by the parameter.
        y: target, f: the model's output, d: the output's derivative by the parameter.
        N: number of examples.
    """
    if line == "loss":
        return l / N
    if line == "gradient":
        return s / N
    return -(y / f - (1 - y) / (1 - f)) * d if line == "slope" else -(y / f - (1 - y) / (1 - f)) * d / N
