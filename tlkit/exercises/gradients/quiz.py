"""The quiz of unit 03."""

from tlkit.exercises.record import Choice, Question, Quiz


QUIZ = Quiz(
    id="03.quiz",
    title="what did you learn?",
    name="answers",
    points=5,
    minutes=6,
    questions=(
        Question(
            "In section 4.2 of the source, which lines are true, and which follow from the line before?",
            (
                Choice("All are true, since the last one is right.",
                       "A right last line says nothing about the way. Lines 2 and 3 have the sign of minus the loss."),
                Choice("Lines 2 and 3 are wrong; line 3 follows from line 2; line 4 is right and does not follow.",
                       "Two mistakes that cancel: a minus too many in line 2, carried on by line 3, and dropped without a word in line 4.", True),
                Choice("Only line 4 is wrong, because it has a minus.",
                       "Its minus is the one in the definition of the loss, and it belongs there."),
            ),
        ),
        Question(
            "Somebody programs line 2 of the source as it stands, lets autograd differentiate it, and trains with gradient descent. What happens?",
            (
                Choice("Nothing new: the last line is right, and autograd finds it.",
                       "Autograd differentiates what was programmed, and that is minus the mean loss."),
                Choice("Training raises the loss: the model learns to be wrong.",
                       "Going down on minus the loss is going up on the loss. A sign in a derivation is a sign in a program.", True),
                Choice("Training is slower, since the gradient is smaller.",
                       "The gradient has the same size; it points the other way."),
            ),
        ),
        Question(
            "A model's logit for a positive example is -40: it is all but certain, and wrong. How large is the gradient by the logit, "
            "for cross-entropy and for a squared error of the probability?",
            (
                Choice("About 1 for cross-entropy, and next to 0 for the squared error.",
                       "In cross-entropy the sigmoid's slope cancels, and p - y is left; in the squared error it stays as a factor, and it is "
                       "next to 0 out there.", True),
                Choice("Next to 0 for both, since the sigmoid is flat there.",
                       "The flat slope meets a steep logarithm in cross-entropy, and the two cancel."),
                Choice("Infinite for cross-entropy, since log 0 is infinite.",
                       "By the probability it would be huge; by the logit it is p - y, which is never larger than 1."),
            ),
        ),
        Question(
            "The body is frozen, and nothing below it trains. What do its weights hold as their gradient after the way back, and what is "
            "true of the derivative itself?",
            (
                Choice("Zeros, because the derivative is zero.",
                       "The loss does depend on the body. And zeros would be a gradient: weight decay moves weights that have one."),
                Choice("None; the derivative is zero as well.", "None is right. But the derivative is a number like any other, and nobody computed it."),
                Choice("None, because nobody computed it; the derivative itself is not zero.",
                       "Freezing means “not computed”. That is where the time and memory are saved.", True),
            ),
        ),
        Question(
            "A frozen body lies between a trainable prompt and a trainable head. A colleague puts the body under torch.no_grad() to save memory. "
            "What happens?",
            (
                Choice("The head trains, the prompt does not, and no error is raised.",
                       "The way to the prompt leads through the body; without a graph there is none. Freeze the weights instead.", True),
                Choice("Both train as before: frozen weights need no graph.",
                       "The weights need none, but the gradient that passes by on its way to the prompt does."),
                Choice("Torch raises an error on the way back.",
                       "Only if nothing at all had a graph. The head has one, so torch is content."),
            ),
        ),
    ),
)
