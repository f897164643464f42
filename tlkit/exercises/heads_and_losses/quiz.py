"""The quiz of unit 02."""

from tlkit.exercises.record import Choice, Question, Quiz


QUIZ = Quiz(
    id="02.quiz",
    title="what did you learn?",
    name="answers",
    points=6,
    minutes=6,
    questions=(
        Question(
            "A classifier of ten classes trains with a loss that falls to 1.46 and stays there, while it reads nearly every digit correctly. "
            "What would you look for first?",
            (
                Choice("A second softmax: one in the model, and one in the loss.",
                       "The second softmax gets numbers between 0 and 1, so the best it can make of them is e against nine times 1; the logarithm of "
                       "that share is the floor that you have seen.", True),
                Choice("A learning rate that is too small to get the loss any further down.",
                       "A small rate makes a curve that still falls, slowly. This one has arrived at a floor, and the accuracy says that it has learned."),
                Choice("Label smoothing of 0.1, which keeps the loss above zero.",
                       "Smoothing has a floor as well, but of about a third of this for ten classes. A floor tells its cause by its height."),
            ),
        ),
        Question(
            "With label smoothing a = 0.1 and four classes, the model gives the right class 0.99. In which direction does the gradient step move the "
            "logit of the right class?",
            (
                Choice("Up: cross-entropy pushes the right class up.",
                       "It pushes towards what is wanted, and wanted is no longer 1."),
                Choice("Nowhere: with 0.99 the example is as good as learned.",
                       "The gradient is predicted minus wanted, and these differ by more than 0.06."),
                Choice("Down, since more is predicted for this class than is wanted.",
                       "Wanted is 0.9 + 0.1 / 4 = 0.925. Being surer than that is punished, which is what smoothing is for.", True),
            ),
        ),
        Question(
            "A chest X-ray may show any of 14 findings, several, or none. Somebody ends the network in a softmax over 14 outputs. What goes wrong?",
            (
                Choice("A healthy chest still gets findings, whose shares add up to 1.",
                       "A softmax shares out one probability, so two findings cannot both be certain either. Fourteen yes-or-no questions need fourteen sigmoids.", True),
                Choice("Nothing: the largest outputs are the findings, and only a threshold is to be chosen.",
                       "A threshold on shares means something else for every image: it depends on what else was found."),
                Choice("Training stops with an error, since cross-entropy takes a single class number.",
                       "It also takes rows of probabilities, so a table of 0 and 1 is accepted without a word."),
            ),
        ),
        Question(
            "A regression head gives outputs of shape (32, 1), and the targets have the shape (32,). What does mean((outputs - targets)²) do?",
            (
                Choice("It stops with an error about the shapes.",
                       "Shapes (32, 1) and (32,) fit together by broadcasting. At best you get a warning."),
                Choice("It pulls every output towards the mean of all targets.",
                       "Every output is compared with every target: the difference is a table (32, 32). Its mean is smallest where every output is the mean of all targets.", True),
                Choice("It does the right thing, since broadcasting puts in the missing axis.",
                       "It is put in on the other side: (32,) is read as one row (1, 32), not as a column."),
            ),
        ),
        Question(
            "In a batch of texts of different lengths, padding has the label -100. Somebody averages the losses of each text, and then over the texts. "
            "What is different from the mean over all places that count?",
            (
                Choice("Nothing but rounding: a mean of means is the mean.",
                       "Only where all texts are of the same length."),
                Choice("Padding counts a little in the mean of means.",
                       "It can be left out of each text's mean; that is not the difference."),
                Choice("A token counts for more in a short text than in a long one.",
                       "Each text weighs the same, so its tokens share that weight. And a text without any place that counts turns the whole into nan.", True),
            ),
        ),
        Question(
            "On a task where three of four scans are pneumonia, class weights were switched on. Which of these is the least likely to change much?",
            (
                Choice("The share of the healthy who are told that they are ill, and with it the specificity.",
                       "That is what the weights act on: they move the point at which the model says pneumonia."),
                Choice("The order of the scans from least to most suspicious, and with it the AUC.",
                       "Weights mostly shift all logits to one side. The order, and so the AUC, moves little; the measurement in this unit says how much.", True),
                Choice("How many of all scans the model calls pneumonia, the right ones and the wrong ones.",
                       "Weights give the rare class, healthy, more say, so pneumonia is said less often."),
            ),
        ),
    ),
)
