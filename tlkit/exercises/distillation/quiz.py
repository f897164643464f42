"""The quiz of unit 10."""

from tlkit.exercises.record import Choice, Question, Quiz

QUIZ = Quiz(
    id="10.quiz",
    title="can a small model learn what the big one knows?",
    name="answers",
    points=6,
    minutes=7,
    questions=(
        Question(
            "The source says that deep transfer learning “can be seen as a special form of parameter-efficient knowledge distillation”. What is right about it?",
            (
                Choice("All of it: in both, a small number of parameters learns what a large model knows.",
                       "In distillation all of the student's parameters learn, and the teacher's stay behind. In parameter-efficient fine-tuning few numbers learn, "
                       "and the large body has to be carried along at every prediction."),
                Choice("Both carry over what a model has learned. But fine-tuning carries it over in the weights, distillation in the outputs; and nothing about "
                       "distillation is sparing with trainable parameters.",
                       "You saw it in the counts: every parameter of the student is trained, and none of the teacher's is in it.", True),
                Choice("Nothing: distillation has no connection with transfer.",
                       "It is transfer, from one model to another, through what the first one says. Student and teacher need not share a single layer."),
            ),
        ),
        Question(
            "Draw distillation as an arrow from what is given to what becomes of it. Which arrow is it?",
            (
                Choice("From the small model to the large one, since the small one comes first.", "The teacher is trained first; the student asks it."),
                Choice("From the student's weights to the teacher's weights.", "No weight is copied, in either direction; the two can have different shapes."),
                Choice("From the large model's outputs on some data to the small model's training: the data is a part of the arrow.",
                       "What is not asked is not transferred: on the same few examples little came across, on all examples much.", True),
            ),
        ),
        Question(
            "Why is the teacher's part of the loss multiplied by T squared?",
            (
                Choice("So that its gradient keeps its size when T changes; without it the labels would rule at high T.",
                       "The chain rule brings 1 / T, and the difference of two soft distributions is again about 1 / T.", True),
                Choice("Since probabilities at temperature T add up to 1 / T.", "They add up to 1 at every temperature."),
                Choice("So that losses at different T can be compared, and the best T chosen by its loss.",
                       "They still cannot: the targets differ. Accuracy on validation data can be compared."),
            ),
        ),
        Question(
            "A student agrees with its teacher on 97 % of the test images. What follows for its accuracy?",
            (
                Choice("It is 97 %.", "Agreement compares with the teacher, accuracy with the labels; where both are wrong in the same way they agree."),
                Choice("It lies within 3 points of the teacher's accuracy.",
                       "On each of the 97 % both are right or both wrong. Only the other 3 % can make a difference, either way.", True),
                Choice("It is 97 % of the teacher's accuracy.", "The examples on which they differ need not be typical: the student may be right on them, and the teacher wrong."),
            ),
        ),
        Question(
            "You have 20 labelled images and 900 without labels, and a good teacher. The student's accuracy alone is poor. What is worth most?",
            (
                Choice("Asking the teacher about the 20 labelled images at four temperatures.",
                       "In the figure, students that asked about the same 20 images did no better on average than those that had the labels alone."),
                Choice("Asking the teacher about all 900: the student then learns from examples that nobody had to label.",
                       "That is where most of the gap was closed, even by the teacher's answers alone, as hard labels.", True),
                Choice("Training the student on the 20 images for longer.", "It fits them perfectly already."),
            ),
        ),
        Question(
            "What the teacher says is computed once and kept. When is that wrong?",
            (
                Choice("When the student's weights change between epochs.", "They always do; the teacher's outputs do not depend on them."),
                Choice("When the batches are shuffled anew at every epoch.", "Not if it is kept by example: then each batch looks up its own rows."),
                Choice("When images are changed at random at every step: the student then sees an image that the teacher was not asked about.",
                       "The teacher has to be asked about the changed image, at every step; the library does so, or draws some versions once.", True),
            ),
        ),
    ),
)
