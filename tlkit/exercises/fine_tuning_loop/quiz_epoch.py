"""The quiz of unit 04's first notebook."""

from tlkit.exercises.record import Choice, Question, Quiz

QUIZ_EPOCH = Quiz(
    id="04.quiz_epoch",
    title="one epoch: what did you learn?",
    name="epoch_answers",
    points=6,
    minutes=8,
    questions=(
        Question(
            "The source's `train_epoch` returns the sum of the batch losses over the number of batches. There are 100 examples in batches of 32, so "
            "the last batch holds 4. How much does one example of the last batch count, beside one of the first?",
            (
                Choice("As much: each batch's loss is a mean already.",
                       "That is why it is wrong: every batch counts a quarter of the result, whether it stands for 32 examples or for 4."),
                Choice("An eighth as much, since its batch is an eighth as large.",
                       "The other way round. Its batch counts as much as any other, and has only 4 examples to share that."),
                Choice("Eight times as much.", "Each batch counts a quarter; 4 examples share one quarter, 32 share another.", True),
            ),
        ),
        Question(
            "Somebody leaves out `zero_grad`. No error is raised. With which gradient is step 5 taken?",
            (
                Choice("With the sum of the gradients of batches 1 to 5.",
                       "Torch adds each new gradient to what is there. Old directions never fade, as they would in momentum.", True),
                Choice("With that of batch 5 alone: backward writes `.grad` anew.",
                       "It adds. That is meant: it is how the gradients of several parts of a batch come together."),
                Choice("With the mean of the gradients of batches 1 to 5.",
                       "Nothing divides. The step would grow with every batch, in SGD at least."),
                Choice("With none: the graph of batch 1 is gone.",
                       "Each batch builds a graph of its own; the sum stands in `.grad`, not in a graph."),
            ),
        ),
        Question(
            "In an evaluation, what do `model.eval()` and `torch.no_grad()` change?",
            (
                Choice("They are two names for the same thing; either one is enough.",
                       "One is about what the layers do, the other about what torch writes down. Neither does the other's work."),
                Choice("`eval()` changes the numbers, `no_grad()` the time and the memory.",
                       "Dropout and BatchNorm behave another way in evaluation mode; without a graph the numbers are the same, and cheaper.", True),
                Choice("`no_grad()` changes the numbers, `eval()` the time and the memory.", "The other way round."),
            ),
        ),
        Question(
            "AdamW without its bias correction: both running means start at zero. How long is the very first step, beside the corrected one?",
            (
                Choice("Shorter, about a tenth, since `first` holds a tenth of the gradient.",
                       "`second` is short of its mean too, even more so, and its root stands below the line."),
                Choice("The same, because both means are short by the same factor.",
                       "They are not: `first` holds a tenth of the gradient, `second` a thousandth of its square."),
                Choice("Longer, about three times: 0.1 over the root of 0.001.",
                       "0.1 / 0.0316 is a little more than 3. The correction is a brake on the first steps, not a push.", True),
            ),
        ),
        Question(
            "Two weights are equally large; the gradients of one are large, those of the other small. Decay is added to the gradient, as an L2 penalty would "
            "be, and then Adam divides by the root of `second`. Which weight is pulled towards 0 more strongly?",
            (
                Choice("Both alike: the penalty sees only the weight.", "The penalty does, but then its gradient is divided by a number that depends on the gradients."),
                Choice("The one with small gradients.", "What is divided by the root of large squares shrinks, the decay included. AdamW keeps decay out of the division, so that "
                       "both shrink alike.", True),
                Choice("The one with large gradients.", "Its decay is divided by the larger root."),
            ),
        ),
        Question(
            "The source's section 4.3 fine-tunes a pretrained ResNet for a task on medical scans. It says there (translated from the Chinese): “Suppose that the pretrained "
            "ResNet model was trained on the ImageNet dataset; images from ImageNet are used for the fine-tuning.” Its next step collects labelled scans and splits them into "
            "training, validation and test sets. Which data go through the fine-tuning loop?",
            (
                Choice("Scans. ImageNet comes in only through the weights that the loop starts from.",
                       "The batches are of the new task. If the loop ran over ImageNet's pictures, it would learn nothing about scans.", True),
                Choice("ImageNet's pictures, as the sentence says; the scans are for testing.",
                       "Then no label of a scan would ever be learned from. The section's own next step collects labelled scans and splits them."),
                Choice("First ImageNet's pictures and then scans, in each epoch.",
                       "That is a possible method (rehearsal, against forgetting), but not what fine-tuning means, nor what the source's listing does."),
            ),
        ),
    ),
)
