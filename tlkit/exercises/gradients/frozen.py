"""Exercise 03.frozen: a trainable prompt below a frozen body, and a head above it."""

import contextlib
import copy

import numpy as np
import torch
from torch.nn import functional

from tlkit.exercises.recipe import model
from tlkit.exercises.record import Case, Exercise, Misconception


def _frozen_cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, features, hidden, classes, body="body", head="head", deeper=()):
        inputs = torch.tensor(np.round(rng.normal(size=(batch, features)), 2), dtype=torch.float32)
        prompt = torch.tensor(np.round(rng.normal(size=features), 2), dtype=torch.float32, requires_grad=True)
        labels = torch.tensor(rng.integers(0, classes, batch))
        seeds = [int(seed) for seed in rng.integers(0, 1000, 2)]
        return (prompt, model(("linear", features, hidden), *deeper, ("tanh",), name=body, seed=seeds[0]),
                model(("linear", hidden, classes), name=head, seed=seeds[1]), inputs, labels)

    wide = int(rng.integers(5, 8))
    return [
        Case("the prompt's gradient", "two examples", (call(2, 3, 4, 2),)),
        Case("the prompt's gradient", "more examples than features", (call(wide, 3, 4, 2),)),
        Case("the head learns", "two examples", (call(2, 3, 4, 2, head="the head"),)),
        Case("the head learns", "more classes", (call(wide, 2, 3, 4, head="the head"),)),
        Case("the body is frozen", "two examples", (call(2, 3, 4, 2, body="the body"),)),
        Case("the body is frozen", "more features, and a deeper body with a LayerNorm",
             (call(3, wide, 4, 2, body="the body", deeper=(("layernorm", 4), ("tanh",), ("linear", 4, 4))),)),
    ]


def _answer(frozen_before=True, context=contextlib.nullcontext, dropped=False, head=True,
            reduction="mean", per_example=False, twice=False, of_inputs=False, no_backward=False):
    """A way around the frozen body with one mistake."""

    def prompt_gradient(prompt, body, head_, inputs, labels):
        body.requires_grad_(not frozen_before)
        head_.requires_grad_(head)
        shifted = inputs + prompt
        if per_example or of_inputs:
            shifted = shifted.detach().requires_grad_()
        with context():
            features = body(shifted)
        loss = functional.cross_entropy(head_(features), labels, reduction=reduction)
        if no_backward:
            return torch.autograd.grad(loss, prompt)[0]
        loss.backward(retain_graph=twice)
        if twice:
            loss.backward()
        if dropped:
            body.zero_grad()
        if of_inputs:
            return shifted.grad.mean(0)
        return shifted.grad if per_example else prompt.grad

    return prompt_gradient


def _frozen_zeros(prompt, body, head, inputs, labels):
    functional.cross_entropy(head(body(inputs + prompt)), labels).backward()
    for parameter in body.parameters():
        parameter.requires_grad_(False)
        parameter.grad = torch.zeros_like(parameter)
    return prompt.grad


def _frozen_zeros_and_free(prompt, body, head, inputs, labels):
    functional.cross_entropy(head(body(inputs + prompt)), labels).backward()
    for parameter in body.parameters():
        parameter.grad = torch.zeros_like(parameter)
    return prompt.grad


def _frozen_too_late(prompt, body, head, inputs, labels):
    functional.cross_entropy(head(body(inputs + prompt)), labels).backward()
    body.requires_grad_(False)
    return prompt.grad


def _frozen_softmax_twice(prompt, body, head, inputs, labels):
    body.requires_grad_(False)
    functional.cross_entropy(torch.softmax(head(body(inputs + prompt)), 1), labels).backward()
    return prompt.grad


def _frozen_of_features(prompt, body, head, inputs, labels):
    body.requires_grad_(False)
    features = body(inputs + prompt).detach().requires_grad_()
    functional.cross_entropy(head(features), labels).backward()
    return features.grad.sum(0)


def _frozen_weights_only(prompt, body, head, inputs, labels):
    for name, parameter in body.named_parameters():
        parameter.requires_grad = not name.endswith("weight")
    functional.cross_entropy(head(body(inputs + prompt)), labels).backward()
    return prompt.grad


def _frozen_linear_only(prompt, body, head, inputs, labels):
    for part in body.modules():
        if isinstance(part, torch.nn.Linear):
            part.requires_grad_(False)
    functional.cross_entropy(head(body(inputs + prompt)), labels).backward()
    return prompt.grad


def _frozen_copies(prompt, body, head, inputs, labels):
    body, head = copy.deepcopy(body).requires_grad_(False), copy.deepcopy(head)
    functional.cross_entropy(head(body(inputs + prompt)), labels).backward()
    return prompt.grad


def _frozen_head_twice(prompt, body, head, inputs, labels):
    body.requires_grad_(False)
    functional.cross_entropy(head(body(inputs + prompt)), labels).backward()
    functional.cross_entropy(head(body(inputs + prompt.detach())), labels).backward()
    return prompt.grad


def _frozen_evaluating(prompt, body, head, inputs, labels):
    body.requires_grad_(False)
    body.eval()
    functional.cross_entropy(head(body(inputs + prompt)), labels).backward()
    return prompt.grad


def _frozen_by_eval(prompt, body, head, inputs, labels):
    body.eval()
    functional.cross_entropy(head(body(inputs + prompt)), labels).backward()
    return prompt.grad


_frozen_no_grad = _answer(context=torch.no_grad)
_frozen_not = _answer(frozen_before=False)
_frozen_dropped = _answer(frozen_before=False, dropped=True)
_frozen_head = _answer(head=False)
_frozen_sum = _answer(reduction="sum")
_frozen_per_example = _answer(per_example=True)
_frozen_twice = _answer(twice=True)
_frozen_mean_of_inputs = _answer(of_inputs=True)
_frozen_prompt_alone = _answer(no_backward=True)


def _frozen_no_prompt(prompt, body, head, inputs, labels):
    body.requires_grad_(False)
    functional.cross_entropy(head(body(inputs)), labels).backward()
    return torch.zeros_like(prompt) if prompt.grad is None else prompt.grad


def _frozen_step(prompt, body, head, inputs, labels):
    body.requires_grad_(False)
    functional.cross_entropy(head(body(inputs + prompt)), labels).backward()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter -= 0.1 * parameter.grad
    return prompt.grad


def _frozen_loss(prompt, body, head, inputs, labels):
    body.requires_grad_(False)
    loss = functional.cross_entropy(head(body(inputs + prompt)), labels)
    loss.backward()
    return loss.item()


FROZEN = Exercise(
    id="03.frozen",
    title="around a frozen body",
    name="prompt_gradient",
    kind="loop",
    parameters=("prompt", "body", "head", "inputs", "labels"),
    points=3,
    minutes=10,
    difficulty="medium",
    reference="tlkit.gradients.frozen:prompt_gradient",
    cases=_frozen_cases,
    looks_at=("the body.gradients", "the body.requires_grad", "the body.parameters", "the body.training", "the head.gradients",
              "the head.requires_grad", "the head.parameters", "the head.training"),
    rtol=1e-5,
    atol=1e-6,
    hint="Say of the body's weights that they need no gradient; then go forward and back as always.",
    equivalent_mutants={
        "dropped: parameter.grad = None": "no gradient is left from before in these cases",
        "prompt = prompt.requires_grad_()": "the prompt of these cases is a leaf already",
        "dropped: prompt = prompt.detach().requires_grad_()": "the prompt of these cases requires a gradient already",
    },
    misconceptions=(
        Misconception("nothing comes back to the prompt", "`no_grad` around the body, or detached features, spare the body and cut the way to "
                      "whatever lies below it. (A missing `return` looks the same.)",
                      "Which path does the prompt's gradient take?", _frozen_no_grad),
        Misconception("the body is not frozen", "Without a word to torch, every weight asks for its gradient.",
                      "What does `requires_grad` say of the body's weights?", _frozen_not),
        Misconception("the body holds no gradients, but is not frozen", "Its weights still require a gradient: they were thawed again, or never frozen and "
                      "only emptied.", "Say of the body's weights that they need no gradient before you go forward, and leave it at that.", _frozen_dropped),
        Misconception("the biases are left free", "Weights are what one speaks of, but `parameters()` has the biases too.",
                      "Which of the body's parameters still require a gradient?", _frozen_weights_only),
        Misconception("only the linear layers are frozen", "Most weights lie there, but a normalisation has a scale and a shift of its own.",
                      "Which kinds of layers have parameters?", _frozen_linear_only),
        Misconception("`eval()` in place of freezing", "It tells Dropout and BatchNorm that nothing is being learned; it says nothing about gradients.",
                      "What does `requires_grad` say of the body's weights?", _frozen_by_eval),
        Misconception("the body is put into evaluation mode", "Frozen bodies are often evaluated so, but here the mode was to stay as it is.",
                      "Which of your lines changes a mode?", _frozen_evaluating),
        Misconception("copies are frozen and trained", "A deep copy has parameters of its own; those that were handed over notice nothing.",
                      "Whose `.grad` is looked at afterwards: the head's, or its copy's?", _frozen_copies),
        Misconception("zeros are not None", "A gradient of zeros was computed, or looks so; weight decay moves weights that have one.",
                      "What is `.grad` of a weight that was never asked for a gradient?", _frozen_zeros),
        Misconception("zeros are not None, and the weights are free", "It looks as if nothing had come back; weight decay moves weights that have a "
                      "gradient of zeros.", "What is `.grad` of a weight that was never asked for a gradient?", _frozen_zeros_and_free),
        Misconception("frozen too late", "The gradients are there already when the weights are told to ask for none.",
                      "When does torch decide which gradients to compute?", _frozen_too_late),
        Misconception("the gradient of the features", "A fresh leaf between body and head collects it, and the body is spared; but the prompt lies "
                      "further down.", "Which shape does the prompt have?", _frozen_of_features),
        Misconception("softmax before cross-entropy", "Probabilities are what one wants of a classifier, but the loss makes its own.",
                      "What does `cross_entropy` expect: logits or probabilities?", _frozen_softmax_twice),
        Misconception("the head is frozen as well", "It is new, so it has the most to learn.",
                      "Which of the two modules is pretrained?", _frozen_head),
        Misconception("the loss is summed", "Then the gradient grows with the batch.", "Which loss does the exercise ask for?", _frozen_sum),
        Misconception("a gradient for each example", "The same prompt was added to every row, so its gradient collects all of them.",
                      "Which shape does the prompt have?", _frozen_per_example),
        Misconception("the mean over the examples once too often", "The loss is a mean already; what it sends back to the rows is added up.",
                      "How often does 1/B come in?", _frozen_mean_of_inputs),
        Misconception("the head's gradient comes twice", "Torch adds to what is in `.grad`, and the head's weights were met on two ways back.",
                      "How often do you call `backward`?", _frozen_head_twice),
        Misconception("two ways back add up", "Torch adds to what is in `.grad`.", "How often do you call `backward`?", _frozen_twice),
        Misconception("the head holds no gradient", "It was asked for the prompt alone, as `torch.autograd.grad` by the prompt does, or cleared afterwards.",
                      "What should the head's weights hold afterwards?", _frozen_prompt_alone),
        Misconception("zeros in place of the prompt's gradient", "Zeros come back where nothing depends on the prompt, as when nobody adds it, or where they are "
                      "put in by hand.", "Where does the prompt enter, and where is its gradient after `backward`?",
                      _frozen_no_prompt),
        Misconception("a step is taken", "Only gradients are asked for; who applies them is another matter.",
                      "Should the weights be what they were?", _frozen_step),
        Misconception("the loss is returned", "It is what one usually keeps of a step.", "What does the exercise ask to return?", _frozen_loss),
    ),
)
