"""The quiz of unit 01."""

from tlkit.exercises.record import Choice, Question, Quiz


QUIZ = Quiz(
    id="01.quiz",
    title="what did you learn?",
    name="answers",
    points=5,
    minutes=6,
    questions=(
        Question(
            "A text says that a fine-tuned model is “no worse than a model trained from scratch”. "
            "What can you say after this unit?",
            (
                Choice("It is true: pretrained weights can always be unlearned again.",
                       "In a few steps on a few labels a network does not unlearn, and a body that looks at the wrong "
                       "things can cost accuracy. Unit 14 measures such a case."),
                Choice("It held for these letters and digits; in general it has to be measured.",
                       "Letters and digits are close relatives. Between distant domains transfer can hurt, which is "
                       "called negative transfer.", True),
                Choice("It is false: with enough labels, scratch always wins.",
                       "Nothing here shows that; look at how the curves behave where labels are plenty."),
            ),
        ),
        Question(
            "A report compares fine-tuning at its best learning rate with training from scratch at that same learning "
            "rate. Why is the comparison unfair?",
            (
                Choice("Scratch may need another learning rate; the gain then measures tuning, not transfer.",
                       "A fresh network has to move far and a pretrained one must not, so their best rates differ. "
                       "Each method deserves its own choice on validation data.", True),
                Choice("It is fair: everything but the weights is equal.",
                       "Equal settings are not equal chances. The setting was chosen for one of the two."),
                Choice("Both should have been tuned on the test set.",
                       "Then both numbers would be too good, and nobody could say by how much."),
            ),
        ),
        Question(
            "With five labels a class, why is one run not enough?",
            (
                Choice("The optimiser does not converge with fifty examples.",
                       "It converges easily; fifty examples are quickly fitted. That is not where the spread is from."),
                Choice("Which examples are drawn changes the result; the mean over many draws, with its error, does not "
                       "hang on one of them.",
                       "A single run is one draw. Giving both methods the same draws removes from their difference what "
                       "luck they share; the rest shrinks with the number of draws.", True),
                Choice("More runs make the model better.",
                       "They make your estimate of its accuracy better; the model is what it was."),
            ),
        ),
        Question(
            "Texts list ResNet among models that are “pretrained by self-supervision”. How was the body of this unit, "
            "glyphnet, pretrained, and how was the well-known ImageNet ResNet?",
            (
                Choice("Both by self-supervision.",
                       "Self-supervision makes its targets from the data itself. Glyphnet was told which letter it saw, "
                       "and ResNet was told one of 1,000 classes."),
                Choice("Both with labels: letters' names here, 1,000 object classes there.",
                       "Supervised pretraining is a source of transfer as good as any; BERT is the self-supervised one.",
                       True),
                Choice("Glyphnet with labels, ResNet by self-supervision.",
                       "The ImageNet weights that everyone downloads come from labelled photographs."),
            ),
        ),
        Question(
            "Label efficiency at accuracy 0.98 comes out as nan, because scratch never got there. What do you report?",
            (
                Choice("Infinity: scratch would need endlessly many labels.",
                       "It may need twice what was measured. Nothing was measured there."),
                Choice("The last measured number of labels, divided by what transfer needs.",
                       "That is a lower bound, and only if you say so. As the answer itself it is invented."),
                Choice("That it is unknown in the measured range, and at most a lower bound.",
                       "“Scratch needs more than the largest count that we measured” is a true sentence.", True),
            ),
        ),
    ),
)
