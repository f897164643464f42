"""The quiz of unit 05."""

from tlkit.exercises.record import Choice, Question, Quiz

QUIZ = Quiz(
    id="05.quiz",
    title="what did you learn?",
    name="answers",
    points=6,
    minutes=7,
    questions=(
        Question(
            "All parameters of a body have requires_grad=False. A colleague calls model.train() and runs a hundred batches through it, without an "
            "optimiser anywhere. What has changed in the body?",
            (
                Choice("Nothing at all: without an optimiser no number in a network can move.",
                       "No parameter can. A running mean is none: the way forward itself moves it, in training mode."),
                Choice("BatchNorm's running statistics, and with them what the body says in eval mode.",
                       "They are buffers. No gradient and no optimiser is needed, only training mode. You saw what it does to the accuracy.", True),
                Choice("The gradients, which have been collected in .grad over all hundred batches.",
                       "Parameters that require no gradient collect none, and nobody called backward."),
            ),
        ),
        Question(
            "To freeze the body, somebody sets its gradients to zero after each backward, and steps with AdamW and weight decay. What happens?",
            (
                Choice("The body shrinks: AdamW decays every weight that has a gradient, also one of zero.",
                       "Its decay is a step of its own, beside that of the gradient. Only None makes the optimiser pass a weight by.", True),
                Choice("The body stays exactly as it was, since every step is the rate times zero.",
                       "That holds for plain gradient descent without decay. AdamW has a second term, and momentum has a memory."),
                Choice("AdamW divides zero by the root of zero, and the body's weights become nan.",
                       "Its epsilon keeps the quotient at zero. What moves the weights is the decay."),
            ),
        ),
        Question(
            "On the plain digits the depths could hardly be told apart; on the grainy ones, with 20 labels a class, moving everything read most. What would "
            "you take from this to a task of your own?",
            (
                Choice("To freeze nearly everything: that saves most, and on the clean task it lost no accuracy at all.",
                       "On a task as close as letters and digits. How far the two worlds are apart moves the answer, and yours are another distance apart."),
                Choice("To train everything, since on both of the tasks no other depth was clearly better.",
                       "On two tasks, with this body. It also costs the most and forgets the most; and look at the scans, where it can be the worst."),
                Choice("To try two or three depths, and choose among them on validation data.",
                       "The depth is a setting like the learning rate. With the cache the cheap ones cost next to nothing to try.", True),
            ),
        ),
        Question(
            "L2-SP with a strong pull held every weight close to where it was, and yet the old letters were read worse, as long as BatchNorm adapted. Why?",
            (
                Choice("A penalty pulls parameters only. BatchNorm's running statistics have no gradient, and moved to the new images.",
                       "The weights were as before and met other statistics. With those frozen as well, the letters came back.", True),
                Choice("The pull was still too weak: with a larger strength the letters would have been read as well as at first.",
                       "The largest strength held the weights most firmly, and did not help. Look at what else is in the state dict."),
                Choice("The letters' head was pulled towards its start too, and lost what it had learned about the letters.",
                       "The letters' head was not trained at all. It read the same features, made with other statistics."),
            ),
        ),
        Question(
            "A plan freezes the first three stages and shifts every image at random, anew at each epoch. Why are the three stages' activations not kept?",
            (
                Choice("A frozen stage may be kept only if it holds no BatchNorm, and these do.",
                       "A frozen BatchNorm is a fixed scale and shift; in eval mode it gives the same output for the same image."),
                Choice("The images that go in are others every time, so there is no one output of an image.",
                       "With views=4 there would be four outputs for each image, and those can be kept.", True),
                Choice("They would take more memory than computing them anew, for random images.",
                       "Memory is a reason to move them to disk, not a reason why they would be wrong."),
            ),
        ),
        Question(
            "You unfreeze a stage in the middle of training by setting requires_grad to True. The loss goes on as before, and the stage's weights do not "
            "move. What is the likely reason?",
            (
                Choice("A frozen layer has forgotten how its gradient is computed, and needs to be built anew.",
                       "Autograd looks at requires_grad at every way forward; the gradients are there at the next backward."),
                Choice("Its learning rate has been decayed to nothing while it was frozen, as that of the others.",
                       "A schedule would also have slowed the others. And it would have moved a little."),
                Choice("The optimiser was made while the stage was frozen, and holds only what trained then.",
                       "A parameter that is in no group gets a gradient and no step, and nothing complains. Count the parameters in the groups.", True),
            ),
        ),
    ),
)
