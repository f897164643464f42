"""Exercise 02.multi_label: binary cross-entropy on logits, with a weight for the positives of each class."""

import numpy as np
import torch

from tlkit.exercises.heads_and_losses.cross_entropy import SAME_AS_DEFAULT
from tlkit.exercises.record import Case, Exercise, Misconception


def _multi_label_cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, classes, weights=None, scale=2.0, gradient=False):
        logits = torch.tensor(np.round(rng.normal(size=(batch, classes)) * scale, 2), requires_grad=gradient)
        targets = np.round(rng.uniform(size=(batch, classes)))
        targets[0, 0], targets[-1, -1] = 1.0, 0.0
        weights = np.ones(classes) if weights is None else np.array(weights)
        return logits, torch.tensor(targets), torch.tensor(weights)

    def weights(classes):
        return np.round(rng.uniform(0.3, 5, classes), 1)

    n, c = int(rng.integers(5, 8)), int(rng.integers(3, 5))
    huge = torch.tensor([[10_000.0, -10_000.0, 900.0], [-800.0, 3000.0, 0.0]], dtype=torch.float64)
    wrong, mixed = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]).double(), torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]).double()
    return [
        Case("a yes or no for each class", "one example, two classes", (call(1, 2),)),
        Case("a yes or no for each class", "more examples than classes", (call(n, c),)),
        Case("a yes or no for each class", "more classes than examples", (call(2, 5),)),
        Case("positives that count for more", "two classes with weights", (call(1, 2, weights(2)),)),
        Case("positives that count for more", "a weight for each of several classes", (call(n, c, weights(c)),)),
        Case("positives that count for more", "as many classes as examples", (call(3, 3, weights(3)),)),
        Case("logits of any size", "logits of 40", ((torch.tensor([[40.0, -45.0, 38.0]]).double(), torch.tensor([[0.0, 1.0, 0.0]]).double(),
                                                     torch.ones(3).double()),)),
        Case("logits of any size", "large and wrong", ((huge, wrong, torch.ones(3).double()),)),
        Case("logits of any size", "large, some right and some wrong, with weights", ((huge, mixed, torch.tensor(weights(3))),)),
        Case("a gradient flows back", "the logits want their gradient", (call(3, 4, weights(4), gradient=True),), upstream=round(rng.uniform(2, 3), 1)),
        Case("a gradient flows back", "a gradient through large logits", (call(2, 3, scale=2000.0, gradient=True),), upstream=1.5),
    ]


def _each(logits, targets, weights):
    log_p, log_q = torch.nn.functional.logsigmoid(logits), torch.nn.functional.logsigmoid(-logits)
    return -(weights * targets * log_p + (1 - targets) * log_q)


def _bce_softmax(logits, targets, positive_weights):
    p = torch.softmax(logits, 1)
    return -(positive_weights * targets * torch.log(p) + (1 - targets) * torch.log(1 - p)).mean()


def _bce_categorical(logits, targets, positive_weights):
    return -(positive_weights * targets * torch.log_softmax(logits, 1)).sum(1).mean()


def _bce_logarithm_of_sigmoid(logits, targets, positive_weights):
    p = torch.sigmoid(logits)
    return -(positive_weights * targets * torch.log(p) + (1 - targets) * torch.log(1 - p)).mean()


def _bce_overflow(logits, targets, positive_weights):
    p = torch.exp(logits) / (1 + torch.exp(logits))
    return -(positive_weights * targets * torch.log(p) + (1 - targets) * torch.log(1 - p)).mean()


def _bce_softplus_overflow(logits, targets, positive_weights):
    return (positive_weights * targets * torch.log(1 + torch.exp(-logits)) + (1 - targets) * torch.log(1 + torch.exp(logits))).mean()


def _bce_epsilon(logits, targets, positive_weights):
    p = torch.sigmoid(logits)
    return -(positive_weights * targets * torch.log(p + 1e-9) + (1 - targets) * torch.log(1 - p + 1e-9)).mean()


def _bce_clamped(logits, targets, positive_weights):
    p = torch.sigmoid(logits).clamp(1e-7, 1 - 1e-7)
    return -(positive_weights * targets * torch.log(p) + (1 - targets) * torch.log(1 - p)).mean()


def _bce_twice(logits, targets, positive_weights):
    return _each(torch.sigmoid(logits), targets, positive_weights).mean()


def _bce_positives_only(logits, targets, positive_weights):
    return -(positive_weights * targets * torch.nn.functional.logsigmoid(logits)).mean()


def _bce_sum(logits, targets, positive_weights):
    return _each(logits, targets, positive_weights).sum()


def _bce_per_example(logits, targets, positive_weights):
    return _each(logits, targets, positive_weights).sum(1).mean()


def _bce_each_class(logits, targets, positive_weights):
    return _each(logits, targets, positive_weights).mean(0)


def _bce_unweighted(logits, targets, positive_weights):
    return _each(logits, targets, torch.ones_like(positive_weights)).mean()


def _bce_everything_weighted(logits, targets, positive_weights):
    return (positive_weights * _each(logits, targets, torch.ones_like(positive_weights))).mean()


def _bce_negatives_weighted(logits, targets, positive_weights):
    return _each(-logits, 1 - targets, positive_weights).mean()


def _bce_weighted_mean(logits, targets, positive_weights):
    counted = 1 + (positive_weights - 1) * targets
    return _each(logits, targets, positive_weights).sum() / counted.sum()


def _bce_targets_weighted(logits, targets, positive_weights):
    y = positive_weights * targets
    return -(y * torch.nn.functional.logsigmoid(logits) + (1 - y) * torch.nn.functional.logsigmoid(-logits)).mean()


def _bce_one_minus_logarithm(logits, targets, positive_weights):
    log_p = torch.nn.functional.logsigmoid(logits)
    return -(positive_weights * targets * log_p + (1 - targets) * (1 - log_p)).mean()


def _bce_exchanged(logits, targets, positive_weights):
    return _each(-logits, targets, positive_weights).mean()


def _bce_flipped(logits, targets, positive_weights):
    return -_each(logits, targets, positive_weights).mean()


def _bce_item(logits, targets, positive_weights):
    return _each(logits, targets, positive_weights).mean().item()


MULTI_LABEL = Exercise(
    id="02.multi_label",
    title="several answers at once",
    name="multi_label_loss",
    parameters=("logits", "targets", "positive_weights"),
    points=4,
    minutes=8,
    difficulty="medium",
    reference="tlkit.heads:binary_cross_entropy_with_logits",
    cases=_multi_label_cases,
    shortcuts=("torch.nn.functional:binary_cross_entropy_with_logits", "torch.nn.functional:binary_cross_entropy",
               "torch.nn:BCEWithLogitsLoss", "torch.nn:BCELoss", "torch:binary_cross_entropy_with_logits",
               "torch.nn.functional:multilabel_soft_margin_loss", "torch.nn:MultiLabelSoftMarginLoss", "torch.nn.functional:soft_margin_loss",
               "tlkit.heads:binary_cross_entropy", "tlkit.heads:BinaryCrossEntropy"),
    hint="Which function gives the logarithm of a sigmoid for every logit? And 1 minus a sigmoid is the sigmoid of what?",
    equivalent_mutants={
        "return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=positive_weights)": SAME_AS_DEFAULT,
    },
    misconceptions=(
        Misconception("the classes share one probability", "A softmax is what a classifier ends in.",
                      "May two classes be all but certain at once?", _bce_softmax),
        Misconception("cross-entropy with several ones", "One-hot targets and targets with several ones look alike.",
                      "What does your loss say of a class that is not there and is predicted?", _bce_categorical),
        Misconception("the logarithm of a probability that was rounded", "A sigmoid of 40 is 1 in the computer, 1 minus it is 0, and log 0 is infinite.",
                      "Which function gives log of a sigmoid in one step?", _bce_logarithm_of_sigmoid),
        Misconception("the exponential overflows", "exp(1000) is infinite, and infinite by infinite is nan.",
                      "Which library function is a sigmoid for any number?", _bce_overflow),
        Misconception("log(1 + exp(z)) overflows", "On paper it is the whole loss; in the computer exp(1000) is infinite.",
                      "log(1 + exp(z)) is called softplus; who computes it for any z?", _bce_softplus_overflow),
        Misconception("a small number inside the logarithm", "It keeps the logarithm finite, and it caps the loss.",
                      "How large should the loss be for a logit of -10,000 where yes is right?", _bce_epsilon),
        Misconception("probabilities are cut off", "The loss stays finite, but it stops growing, and its gradient is 0 where the model is most wrong.",
                      "How large should the loss be for a logit of -10,000 where yes is right?", _bce_clamped),
        Misconception("sigmoid twice", "The formula begins with probabilities, and so does the loss that is given them.",
                      "How many sigmoids are there in the formula?", _bce_twice),
        Misconception("what is not there does not count", "Only the classes that are there have a 1 in the targets.",
                      "What does your loss say to a model that answers yes to everything?", _bce_positives_only),
        Misconception("a sum where a mean is due", "The loss of one entry is right, and there are B times C of them.",
                      "How much does one entry count in a mean?", _bce_sum),
        Misconception("added up over the classes", "In a softmax each example has one loss; here each entry has its own.",
                      "How many losses are averaged in a table?", _bce_per_example),
        Misconception("a loss for each class", "They are all right; what trains is one number.", "Which shape should the result have?", _bce_each_class),
        Misconception("the weights are left out", "With weights of 1 nothing is missing.", "Where in the formula does v stand?", _bce_unweighted),
        Misconception("negatives are weighted as well", "A weight of a class looks like a factor of its column.",
                      "Which of the two terms is multiplied by v?", _bce_everything_weighted),
        Misconception("the negatives are weighted, not the positives", "The two terms look alike.", "Which of the two terms is multiplied by v?",
                      _bce_negatives_weighted),
        Misconception("divided by the sum of the weights", "A weighted mean usually is, and with class weights the cross-entropy of a softmax is, too.",
                      "What does the exercise divide by?", _bce_weighted_mean),
        Misconception("the targets are weighted", "v y stands in the first term.", "What happens to 1 - y if y has become 3?", _bce_targets_weighted),
        Misconception("1 minus a logarithm", "The second term has 1 - p, and log p was there already.",
                      "Is log(1 - p) the same as 1 - log p?", _bce_one_minus_logarithm),
        Misconception("yes and no are exchanged", "The two terms look alike, and a sign went astray.",
                      "Should a large logit be cheap or dear where the target is 1?", _bce_exchanged),
        Misconception("the sign is lost", "A logarithm of a probability is never above 0.", "Can a loss be negative?", _bce_flipped),
        Misconception("a plain number comes back", "`.item()` is what one prints.", "Can a gradient flow back through a Python number?", _bce_item),
    ),
)
