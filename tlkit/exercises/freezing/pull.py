"""Exercise 05.pull: a loss that pulls the body towards where it came from."""

import numpy as np
import torch
from torch.nn import functional

from tlkit.exercises.recipe import model
from tlkit.exercises.record import Case, Exercise, Misconception


def _pull_cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, features, hidden, classes, strength, norm=False, norm_is_new=False):
        def drawn(*shape):
            return torch.tensor(np.round(rng.normal(0, 0.7, shape), 2), dtype=torch.float32)

        layers = [("linear", features, hidden), *([("batchnorm", hidden)] if norm else []), ("tanh",), ("linear", hidden, classes)]
        start = {"0.weight": drawn(hidden, features), "0.bias": drawn(hidden)}
        if norm and not norm_is_new:
            start |= {"1.weight": drawn(hidden), "1.bias": drawn(hidden), "1.running_mean": drawn(hidden), "1.running_var": drawn(hidden) ** 2,
                      "1.num_batches_tracked": torch.tensor(7)}
        inputs, labels = drawn(batch, features), torch.tensor(rng.integers(0, classes, batch))
        return model(*layers, seed=int(rng.integers(1000))), start, strength, inputs, labels

    more = int(rng.integers(5, 8))
    return [
        Case("the loss", "two examples", (call(2, 3, 4, 2, 0.5),)),
        Case("the loss", "a weak pull", (call(more, 3, 2, 4, 0.03),)),
        Case("the gradients", "two examples", (call(2, 2, 3, 2, 0.5),)),
        Case("the gradients", "a strong pull", (call(more, 2, 3, 3, 4.0),)),
        Case("what has no start, or no gradient", "a body with BatchNorm", (call(4, 3, 4, 2, 0.7, norm=True),)),
        Case("what has no start, or no gradient", "a layer in the middle is new", (call(4, 3, 5, 2, 0.7, norm=True, norm_is_new=True),)),
        Case("what has no start, or no gradient", "more classes", (call(more, 2, 3, 5, 0.2, norm=True),)),
    ]


def _pulled(penalty, reduction="mean", result=lambda loss, pull: loss + pull):
    """The loss with one mistake; `penalty` takes the model, its start and the strength."""

    def pulled_loss(model, start, strength, inputs, labels):
        loss = functional.cross_entropy(model(inputs), labels, reduction=reduction)
        pull = penalty(model, start, strength)
        (loss + pull).backward()
        return float(result(loss, pull))

    return pulled_loss


def _right(model, start, strength):
    return strength / 2 * sum(((p - start[name]) ** 2).sum() for name, p in model.named_parameters() if name in start)


def _to_zero(model, start, strength):
    return strength / 2 * sum((p**2).sum() for name, p in model.named_parameters() if name in start)


def _head_to_zero(model, start, strength):
    return _right(model, start, strength) + strength / 2 * sum((p**2).sum() for name, p in model.named_parameters() if name not in start)


def _whole(model, start, strength):
    return 2 * _right(model, start, strength)


def _no_strength(model, start, strength):
    return _right(model, start, 1.0)


def _mean(model, start, strength):
    return strength / 2 * sum(((p - start[name]) ** 2).mean() for name, p in model.named_parameters() if name in start)


def _length(model, start, strength):
    return strength / 2 * sum((p - start[name]).norm() for name, p in model.named_parameters() if name in start)


def _absolute(model, start, strength):
    return strength / 2 * sum((p - start[name]).abs().sum() for name, p in model.named_parameters() if name in start)


def _weights_alone(model, start, strength):
    return strength / 2 * sum(((p - start[name]) ** 2).sum() for name, p in model.named_parameters() if name in start and "weight" in name)


def _first_layer(model, start, strength):
    return strength / 2 * sum(((p - start[name]) ** 2).sum() for name, p in model.named_parameters() if name in start and name.startswith("0."))


def _buffers_too(model, start, strength):
    held = dict(model.named_parameters()) | dict(model.named_buffers())
    return strength / 2 * sum(((held[name] - value) ** 2).sum() for name, value in start.items())


def _pull_of_numbers(model, start, strength):
    with torch.no_grad():
        return _right(model, start, strength)


def _away(model, start, strength):
    return -_right(model, start, strength)


def _sum_then_square(model, start, strength):
    return strength / 2 * sum((p - start[name]).sum() ** 2 for name, p in model.named_parameters() if name in start)


def _strength_squared(model, start, strength):
    return strength * _right(model, start, strength)


def _nothing(model, start, strength):
    return torch.zeros(())


def _mean_over_tensors(model, start, strength):
    return _right(model, start, strength) / sum(name in start for name, _ in model.named_parameters())


def _all_at_once(reduce):
    """The distances in one long vector, and what is made of it."""

    def penalty(model, start, strength):
        distances = torch.cat([(p - start[name]).flatten() for name, p in model.named_parameters() if name in start])
        return strength / 2 * reduce(distances)

    return penalty


def _everything_has_a_start(model, start, strength):
    return strength / 2 * sum(((p - start[name]) ** 2).sum() for name, p in model.named_parameters())


def _softmax_first(model, start, strength, inputs, labels):
    loss = functional.cross_entropy(model(inputs).softmax(1), labels) + _right(model, start, strength)
    loss.backward()
    return float(loss)


def _sent_back_twice(model, start, strength, inputs, labels):
    loss = functional.cross_entropy(model(inputs), labels)
    loss.backward(retain_graph=True)
    loss = loss + _right(model, start, strength)
    loss.backward()
    return float(loss)


def _takes_a_step(model, start, strength, inputs, labels):
    value = _pulled(_right)(model, start, strength, inputs, labels)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.1 * parameter.grad
    return value


def _no_way_back(model, start, strength, inputs, labels):
    return float(functional.cross_entropy(model(inputs), labels) + _right(model, start, strength))


def _starts_again(model, start, strength, inputs, labels):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in start:
                parameter.copy_(start[name])
    return _pulled(_right)(model, start, strength, inputs, labels)


PULL = Exercise(
    id="05.pull",
    title="a pull to the start",
    name="pulled_loss",
    kind="loop",
    parameters=("model", "start", "strength", "inputs", "labels"),
    points=3,
    minutes=10,
    difficulty="medium",
    reference="tlkit.pull:pulled_loss",
    cases=_pull_cases,
    looks_at=("gradients", "parameters"),
    rtol=1e-5,
    atol=1e-6,
    shrinks=False,
    hint="Go through `model.named_parameters()`, and ask of each name whether it is in `start`.",
    misconceptions=(
        Misconception("pulled towards zero", "That is weight decay, which knows nothing of where the weights came from.",
                      "What is the penalty if no weight has moved yet?", _pulled(_to_zero)),
        Misconception("the head is pulled to zero as well", "What has no start is given one, zero; but the head is new and should be free.",
                      "Which parameters have a name in `start`?", _pulled(_head_to_zero)),
        Misconception("the half is missing", "With it the gradient is strength times the distance, without a 2.",
                      "Derive the penalty by a weight: which factor is left?", _pulled(_whole)),
        Misconception("the strength is not used", "With strength 1 one does not notice.", "What should strength=0 do?", _pulled(_no_strength)),
        Misconception("the strength counts twice", "It is given to the penalty, and the penalty is weighed once more.", "How often does the strength come in?",
                      _pulled(_strength_squared)),
        Misconception("a mean instead of a sum", "Losses are means; this penalty is a sum, and so a big matrix is held as firmly, weight by weight, as a "
                      "small one.", "How hard is a single weight pulled, in a layer of 10 and in one of 10,000?", _pulled(_mean)),
        Misconception("a mean over the tensors", "The sum runs over everything that has a start, and nothing is divided.",
                      "How hard is a layer pulled if the body has one more?", _pulled(_mean_over_tensors)),
        Misconception("a mean over all numbers", "Put into one long vector they invite a mean; then a large body is hardly held at all.",
                      "How hard is a single weight pulled, in a body of 10 and in one of 10 million?", _pulled(_all_at_once(lambda d: (d**2).mean()))),
        Misconception("the root of the whole sum", "The formula has a square and no root: the length of all distances together is another penalty.",
                      "How does the pull on a weight grow with its distance?", _pulled(_all_at_once(lambda d: d.norm()))),
        Misconception("a start is asked for where there is none", "A head that is new, and a layer put in between, have no entry in `start`.",
                      "Which parameters have a name in `start`?", _pulled(_everything_has_a_start)),
        Misconception("probabilities where logits are due", "`cross_entropy` takes the outputs as they are, and does the softmax itself.",
                      "What does the model give back: logits or probabilities?", _softmax_first),
        Misconception("the data's loss is sent back twice", "Its gradients are there already when the whole loss adds them once more.",
                      "How often does the exercise say that something is sent back?", _sent_back_twice),
        Misconception("the weights take a step", "The gradients are asked for, and what an optimiser does with them is its own affair.",
                      "Should a weight have another value afterwards?", _takes_a_step),
        Misconception("the length, not its square", "`norm()` takes the root.", "How does the pull grow with the distance?", _pulled(_length)),
        Misconception("absolute distances", "That is another penalty, which pulls equally hard at every distance.", "What is the power in the formula?",
                      _pulled(_absolute)),
        Misconception("summed first, then squared", "Differences of both signs cancel.", "What comes first, the square or the sum?", _pulled(_sum_then_square)),
        Misconception("biases are free", "They are parameters like the others, and came from pretraining too.", "Which names are in `start`?",
                      _pulled(_weights_alone)),
        Misconception("the first layer alone", "The penalty is a sum over everything that has a start.", "Which names are in `start`?",
                      _pulled(_first_layer)),
        Misconception("running statistics are counted", "They stand in a state dict beside the parameters; but they have no gradient, so no loss can "
                      "move them.", "Who moves a running mean: the optimiser, or the way forward?", _pulled(_buffers_too)),
        Misconception("the weights do not feel the pull", "The number that is returned is right; but the penalty was computed without a graph, or added "
                      "after the loss had been sent back.", "On what do you call `backward`, and can autograd see where it came from?",
                      _pulled(_pull_of_numbers)),
        Misconception("pushed away from the start", "A minus too many.", "Should moving away make the loss larger or smaller?", _pulled(_away)),
        Misconception("the data's loss alone", "It is what one usually returns.", "What is added to the cross-entropy?", _pulled(_nothing)),
        Misconception("the penalty alone is returned", "The gradients are right; the loss is the sum of both.", "What does the exercise ask to return?",
                      _pulled(_right, result=lambda loss, pull: pull)),
        Misconception("the cross-entropy is summed", "Then the pull counts less, the larger the batch is.", "Is the loss a mean or a sum over the examples?",
                      _pulled(_right, reduction="sum")),
        Misconception("nothing is sent back", "The loss is there, and no weight has a gradient.", "What does the exercise say about `.grad`?", _no_way_back),
        Misconception("the weights are put back to their start", "That undoes what was learned; the pull only leans on it.",
                      "Should a weight have another value afterwards?", _starts_again),
    ),
)
