"""The quiz of unit 00: which of the source's claims are too strong?"""

from tlkit.exercises.record import Choice, Question, Quiz

QUIZ = Quiz(
    id="00.quiz",
    title="which claims are too strong?",
    name="answers",
    points=6,
    minutes=6,
    questions=(
        Question(
            "The source's diagram has an arrow from “pretrained model” to “self-supervision”. What does it get wrong?",
            (
                Choice("The two have nothing to do with each other.",
                       "They have: BERT was pretrained by guessing hidden words, which is self-supervision."),
                Choice("The direction: self-supervision is one of the ways in which a pretrained model comes about.",
                       "It is made from raw data by self-supervision, or from labelled data. Training comes first, the model after.", True),
                Choice("Nothing: one takes a pretrained model, and then supervises it by itself.",
                       "One can go on like that, and it is rare. What the text says beside the diagram is that self-supervision made the model."),
            ),
        ),
        Question(
            "Another arrow leads from “general representation” to “new-task data”. What would you draw instead?",
            (
                Choice("The data were there before; representation and labels both go into the loss, through the head.",
                       "Somebody collected and labelled them. The body turns each input into numbers, the head reads those, and the loss compares with the labels.",
                       True),
                Choice("Nothing: a good representation creates data for the new task.",
                       "It computes features of the examples that you have. Their number, and the labels, stay what they were."),
                Choice("An arrow from “new-task data” to “pretraining data”, since both are examples.",
                       "Pretraining was over before the new task came along. If the new task's test examples are in there, its results are too good."),
            ),
        ),
        Question(
            "The source lists BERT and ResNet as models “pretrained on large data by self-supervised tasks”. Which of the two is?",
            (
                Choice("Both.", "The ImageNet weights of ResNet that everyone downloads come from labelled photographs: 1,000 names of objects."),
                Choice("ResNet, since pictures need no labels.",
                       "There are self-supervised ways for pictures, and ResNet's well-known weights were not made by one of them."),
                Choice("BERT, which guesses words that were hidden.",
                       "Its targets come out of the text itself. ResNet's came from people who named photographs.", True),
            ),
        ),
        Question(
            "Fine-tuned models, says the source, perform “no worse than models trained from scratch”. What could you show to say that this is too strong?",
            (
                Choice("One task on which a pretrained model, tuned fairly, does worse than one from scratch that was tuned as fairly.",
                       "A claim about all tasks falls with one counterexample. It is called negative transfer, and it is found between distant domains.",
                       True),
                Choice("A task on which both do equally well.", "“No worse” allows that; it would support the claim."),
                Choice("That pretraining takes long.", "True, and another matter: the claim is about how good the result is."),
            ),
        ),
        Question(
            "PEFT updates few of the parameters “to reduce the computing resources that fine-tuning takes”. Which resource does it save for sure?",
            (
                Choice("The forward pass, since most weights are left out.", "All weights still take part in it: a frozen layer computes as any other."),
                Choice("The optimiser's memory: AdamW keeps two numbers for each weight that moves, and for no other.",
                       "And what has to be stored for each task is small. The time of a step shrinks much less, since signals still go forward "
                       "and back through the frozen layers.", True),
                Choice("Labelled examples: few parameters are known from few labels.",
                       "Sometimes few parameters do generalise better. That is not a computing resource, and it has to be measured each time."),
            ),
        ),
        Question(
            "Transfer learning “can be seen as a special form of parameter-efficient distillation”, says the source. In which point does distillation differ from PEFT?",
            (
                Choice("It needs no training.", "The student is trained, often for longer than fine-tuning takes."),
                Choice("It works on text alone.", "A teacher of pictures has probabilities to show as well."),
                Choice("It trains all of another, smaller model, on what a large one says; PEFT trains a small part of the large one itself.",
                       "One saves when the model is used, the other when it is adapted. They can follow each other, and are not the same.", True),
            ),
        ),
    ),
)
