"""Exercise 10.kd_loss: what a student learns from labels and from a teacher's soft targets."""

import numpy as np
import torch
from torch.nn import functional as F

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def call(batch, classes, temperature, share, scale=2.0, gradient=False):
        student, teacher = (torch.tensor(np.round(rng.normal(size=(batch, classes)) * scale, 2), requires_grad=gradient and side == "student")
                            for side in ("student", "teacher"))
        labels = rng.integers(0, classes, batch)
        labels[0] = classes - 1
        return student, teacher, torch.tensor(labels), float(temperature), float(share)

    many, few = int(rng.integers(6, 9)), int(rng.integers(3, 5))
    warm, share = round(rng.uniform(2, 6), 1), round(rng.uniform(0.55, 0.85), 2)
    return [
        Case("the teacher's part", "one example, T = 1", (call(1, 3, 1, 1),)),
        Case("the teacher's part", "one example, T = 2", (call(1, 3, 2, 1),)),
        Case("the teacher's part", "T below 1", (call(2, 4, 0.5, 1),)),
        Case("the mean over the examples", "more examples than classes", (call(many, few, warm, 1),)),
        Case("the mean over the examples", "more classes than examples", (call(few, many, warm, 1),)),
        Case("the labels' part", "the labels alone", (call(few, 4, warm, 0),)),
        Case("the labels' part", "more classes than examples, the labels alone", (call(2, 5, warm, 0),)),
        Case("both parts", "two examples", (call(2, 3, 2, 0.75),)),
        Case("both parts", "more examples than classes", (call(many, few, warm, share),)),
        Case("both parts", "more classes than examples", (call(few, many, warm, share),)),
        Case("logits of any size", "logits of hundreds", (call(3, 4, 2, share, 900.0),)),
        Case("logits of any size", "far apart", ((torch.tensor([[3000.0, 0.0, -2990.0], [5.0, 4.0, 2000.0]], dtype=torch.float64),
                                                  torch.tensor([[2.0, -3000.0, 1.0], [900.0, 0.0, 899.0]], dtype=torch.float64), torch.tensor([0, 2]), 2.0, share),)),
        Case("a gradient flows to the student", "the student's logits want their gradient", (call(3, 4, warm, share, gradient=True),),
             upstream=round(rng.uniform(2, 3), 1)),
        Case("a gradient flows to the student", "from the teacher alone", (call(2, 5, warm, 1, gradient=True),), upstream=1.5),
    ]


def _logs(logits, temperature):
    return F.log_softmax(logits / temperature, 1)


def _kl(of, to):
    """KL(of || to) of each example, from logarithms."""
    return (of.exp() * (of - to)).sum(1)


def _loss(soft=lambda s, t, T: T**2 * _kl(_logs(t, T), _logs(s, T)).mean(), hard=lambda s, y, T: F.cross_entropy(s, y),
          weights=lambda a: (1 - a, a)):
    """The loss with one part done another way."""

    def kd_loss(student_logits, teacher_logits, labels, temperature, soft_share):
        of_labels, of_teacher = weights(soft_share)
        return of_labels * hard(student_logits, labels, temperature) + of_teacher * soft(student_logits, teacher_logits, temperature)

    return kd_loss


def _scaled_all(student_logits, teacher_logits, labels, temperature, soft_share):
    return temperature**2 * _loss(soft=lambda s, t, T: _kl(_logs(t, T), _logs(s, T)).mean())(student_logits, teacher_logits, labels, temperature, soft_share)


def _copied(student_logits, *others):
    return _loss()(student_logits.detach().clone().requires_grad_(), *others)


def _teacher_part_not_recorded(s, t, T):
    with torch.no_grad():
        return T**2 * _kl(_logs(t, T), _logs(s, T)).mean()


def _cut(student_logits, teacher_logits, *others):
    return _loss()(student_logits.clamp(-50, 50), teacher_logits.clamp(-50, 50), *others)


def _detached(student_logits, *others):
    return _loss()(student_logits.detach(), *others)


def _teachers_answers(student_logits, teacher_logits, labels, temperature, soft_share):
    return _loss()(student_logits, teacher_logits, teacher_logits.argmax(1), temperature, soft_share)


def _teacher_graded(student_logits, teacher_logits, labels, temperature, soft_share):
    return _loss(hard=lambda s, y, T: F.cross_entropy(teacher_logits, y))(student_logits, teacher_logits, labels, temperature, soft_share)


KD_LOSS = Exercise(
    id="10.kd_loss",
    title="the loss of distillation",
    name="kd_loss",
    parameters=("student_logits", "teacher_logits", "labels", "temperature", "soft_share"),
    points=4,
    minutes=12,
    difficulty="medium",
    reference="tlkit.distillation_losses:kd_loss",
    cases=_cases,
    shrinks=False,
    rtol=1e-5,
    atol=1e-7,
    hint="Write the teacher's part for one example first, with a sum over the classes; then the mean over the examples; then T squared.",
    shortcuts=("tlkit.heads:distillation_loss", "tlkit.distillation_losses:soft_loss"),
    misconceptions=(
        Misconception("student and teacher are swapped", "Both are probabilities, and KL looks symmetric; but KL(student || teacher) asks the student to keep away "
                      "from what the teacher rules out, not to cover what it deems possible.", "Whose probabilities weigh the logarithms in the formula?",
                      _loss(soft=lambda s, t, T: T**2 * _kl(_logs(s, T), _logs(t, T)).mean())),
        Misconception("a mean over all entries", "`reduction=\"mean\"` of torch's kl_div divides by B times C; \"batchmean\" divides by B.",
                      "How many examples are there, and how many entries?",
                      _loss(soft=lambda s, t, T: T**2 * (_logs(t, T).exp() * (_logs(t, T) - _logs(s, T))).mean())),
        Misconception("no T squared", "The loss is a loss without it; but its gradient shrinks as 1 / T squared, and the labels take over.",
                      "How does the gradient of the teacher's part change when T doubles?",
                      _loss(soft=lambda s, t, T: _kl(_logs(t, T), _logs(s, T)).mean())),
        Misconception("T, not squared", "The slope of the softmax gives one 1 / T; the difference of the probabilities gives another.",
                      "Which power of T does the formula have?", _loss(soft=lambda s, t, T: T * _kl(_logs(t, T), _logs(s, T)).mean())),
        Misconception("divided by T squared", "The gradient is too small already.", "Does a factor that keeps the gradient's size grow or shrink with T?",
                      _loss(soft=lambda s, t, T: _kl(_logs(t, T), _logs(s, T)).mean() / T**2)),
        Misconception("T squared for the labels too", "The labels' part has no temperature, so nothing has to be made good there.",
                      "Which of the two parts shrinks when T rises?", _scaled_all),
        Misconception("the labels' part at temperature T", "Labels are no soft targets: at test time the student answers at temperature 1.",
                      "At which temperature is the student asked in the end?", _loss(hard=lambda s, y, T: F.cross_entropy(s / T, y))),
        Misconception("only the teacher has a temperature", "Then the student at temperature 1 is to be as soft as the teacher at T: it never dares to be sure.",
                      "Which of the two softmaxes in the formula has a T?", _loss(soft=lambda s, t, T: T**2 * _kl(_logs(t, T), _logs(s, 1)).mean())),
        Misconception("only the student has a temperature", "Then the student's logits are to be T times the teacher's.", "Which of the two softmaxes has a T?",
                      _loss(soft=lambda s, t, T: T**2 * _kl(_logs(t, 1), _logs(s, T)).mean())),
        Misconception("no temperature at all", "At T = 1 it is the same.", "Where does `temperature` come in?",
                      _loss(soft=lambda s, t, T: _kl(_logs(t, 1), _logs(s, 1)).mean())),
        Misconception("the shares are swapped", "Papers weigh one part or the other with alpha.", "What should be left for soft_share = 1?",
                      _loss(weights=lambda a: (a, 1 - a))),
        Misconception("the labels count in full", "The teacher's part came on top.", "What should be left for soft_share = 1?", _loss(weights=lambda a: (1, a))),
        Misconception("both count in full", "A sum of two losses.", "Where does `soft_share` come in?", _loss(weights=lambda a: (1, 1))),
        Misconception("a sum over the batch", "Each example is right; a mean was asked for, so that the batch's size does not matter.",
                      "Should twice as many examples double the loss?", _loss(soft=lambda s, t, T: T**2 * _kl(_logs(t, T), _logs(s, T)).sum(),
                                                                              hard=lambda s, y, T: F.cross_entropy(s, y, reduction="sum"))),
        Misconception("the teacher's part is summed, the labels' averaged", "`reduction=\"sum\"` of kl_div, with cross_entropy's usual mean.",
                      "Is the teacher's part a mean over the examples?", _loss(soft=lambda s, t, T: T**2 * _kl(_logs(t, T), _logs(s, T)).sum())),
        Misconception("cross-entropy in place of KL", "The two differ by the teacher's entropy: the gradient is the same, the number is not, and it is not 0 where both agree.",
                      "What should the teacher's part be where student and teacher are the same?",
                      _loss(soft=lambda s, t, T: -T**2 * (_logs(t, T).exp() * _logs(s, T)).sum(1).mean())),
        Misconception("probabilities where kl_div takes logarithms", "torch's kl_div wants the logarithms of its first argument, and says nothing if it gets others.",
                      "What does torch's kl_div take as its first argument?",
                      _loss(soft=lambda s, t, T: T**2 * F.kl_div(F.softmax(s / T, 1), F.softmax(t / T, 1), reduction="batchmean"))),
        Misconception("logarithms of a softmax that was rounded to 0", "log(softmax(s)) is minus infinity where a probability rounds to 0.",
                      "Which function gives logarithms of a softmax in one step?",
                      _loss(soft=lambda s, t, T: T**2 * (F.softmax(t / T, 1) * (_logs(t, T) - F.softmax(s / T, 1).log())).sum(1).mean())),
        Misconception("a squared error of the logits", "That is what the loss becomes for a very high T, up to a factor; at T = 2 it is not.",
                      "Which function of the logits stands in the formula?", _loss(soft=lambda s, t, T: (s - t).square().mean())),
        Misconception("no gradient reaches the student", "The student was detached, or `.item()` made a plain number of the loss; it is the teacher that needs no gradient.",
                      "Who learns?", _detached),
        Misconception("the gradient ends at a copy", "A new tensor that requires a gradient keeps it for itself; the student that was handed over gets none.",
                      "Which tensor does the student's network know?", _copied),
        Misconception("the teacher's part sends no gradient", "It is the teacher that needs none; the student stands in this part as well, and has to learn from it.",
                      "Which of the two parts reaches the student's logits when you call `backward()`?", _loss(soft=_teacher_part_not_recorded)),
        Misconception("large logits are cut off", "No overflow any more; but whatever lies beyond the cut is then alike.",
                      "Which function gives logarithms of a softmax for logits of any size?", _cut),
        Misconception("divided by the number of classes", "`shape[1]` is C; the mean is over the examples.", "Over what is the mean taken, and over what the sum?",
                      _loss(soft=lambda s, t, T: T**2 * _kl(_logs(t, T), _logs(s, T)).sum() / s.shape[1])),
        Misconception("`log_target` is promised, and probabilities are given", "With log_target=True torch's kl_div wants logarithms of the teacher's probabilities too.",
                      "What does kl_div take as its second argument?",
                      _loss(soft=lambda s, t, T: T**2 * F.kl_div(_logs(s, T), F.softmax(t / T, 1), log_target=True, reduction="batchmean"))),
        Misconception("the teacher's answers in place of the labels", "The teacher knows the class as a rule; the labels are there to put it right.",
                      "Whom does the labels' part compare the student with?", _teachers_answers),
        Misconception("the teacher is compared with the labels", "It does not learn any more.", "Whose logits does the labels' part look at?", _teacher_graded),
        Misconception("divided by the batch twice", "\"batchmean\" has divided already.", "How often is the sum over the examples divided by B?",
                      _loss(soft=lambda s, t, T: T**2 * _kl(_logs(t, T), _logs(s, T)).mean() / len(s))),
        Misconception("softmax before cross-entropy", "torch's cross_entropy takes logits, and makes a softmax itself.", "What does cross_entropy take as its first argument?",
                      _loss(hard=lambda s, y, T: F.cross_entropy(F.softmax(s, 1), y))),
        Misconception("logits times T", "Then a higher temperature makes both surer.", "What do soft targets do with the logits: multiply or divide?",
                      _loss(soft=lambda s, t, T: T**2 * _kl(_logs(t, 1 / T), _logs(s, 1 / T)).mean())),
        Misconception("the teacher's part is subtracted", "A divergence should become small, so it is added to what is made small.",
                      "Should student and teacher come closer or go apart?", _loss(weights=lambda a: (1 - a, -a))),
        Misconception("a small number inside the logarithms", "It keeps them finite, and cuts off how far apart two sure models can be.",
                      "Which function gives logarithms of a softmax in one step?",
                      _loss(soft=lambda s, t, T: T**2 * (F.softmax(t / T, 1) * ((F.softmax(t / T, 1) + 1e-8).log() - (F.softmax(s / T, 1) + 1e-8).log())).sum(1).mean())),
        Misconception("over the batch", "`dim=0` goes through the examples; the classes of one example are in a row.", "Along which axis do the classes of one example lie?",
                      _loss(soft=lambda s, t, T: T**2 * F.kl_div(F.log_softmax(s / T, 0), F.softmax(t / T, 0), reduction="batchmean"))),
        Misconception("the logarithms are divided, not the logits", "log softmax(s) / T does not belong to probabilities that add up to 1.",
                      "What is divided by T in the formula, and when?",
                      _loss(soft=lambda s, t, T: T**2 * F.kl_div(_logs(s, 1) / T, F.softmax(t / T, 1), reduction="batchmean"))),
        Misconception("a squared error of the probabilities", "It is small where both are sure and differ in the small probabilities, which KL weighs by their logarithms.",
                      "Which function of the probabilities stands in the formula?",
                      _loss(soft=lambda s, t, T: T**2 * (F.softmax(s / T, 1) - F.softmax(t / T, 1)).square().mean())),
        Misconception("the teacher's answer in place of its probabilities", "That is a hard label, and what the teacher thinks of the other classes is lost.",
                      "What is p in the formula?", _loss(soft=lambda s, t, T: T**2 * F.cross_entropy(s / T, t.argmax(1)))),
        Misconception("probabilities, not their logarithms, as the labels' part", "Cross-entropy takes the logarithm of what the label's class gets.",
                      "What is the cross-entropy of a student that gives the right class probability 1?", _loss(hard=lambda s, y, T: F.nll_loss(F.softmax(s, 1), y))),
    ),
)
