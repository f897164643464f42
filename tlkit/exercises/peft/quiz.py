"""The quiz of unit 09."""

from tlkit.exercises.record import Choice, Question, Quiz

QUIZ = Quiz(
    id="09.quiz",
    title="how few parameters are enough?",
    name="answers",
    points=6,
    minutes=6,
    questions=(
        Question(
            "The text that this course grew from says that few parameters adapt large models at a low cost in computation. What does the table of this unit say about a step of LoRA beside MiniLM?",
            (
                Choice("Its seconds fall in the same proportion as the parameters that train.",
                       "The way forward through the whole body is the same, and the way back passes the body as well. Look at the column of seconds."),
                Choice("The optimiser's state falls to under a hundredth; the seconds fall far less, and beside glyphnet a step even takes longer.",
                       "What is saved in time: gradients of the frozen weights, and their update. What is not: the body, forward and back. And the updates cost some.", True),
                Choice("Nothing is saved: the body is still there.", "Its weights are. Their gradients and the two moments of AdamW are not, and these are three times as much."),
            ),
        ),
        Question(
            "Somebody starts A and B both at zero. What happens in training?",
            (
                Choice("Nothing is learned in this layer: the gradient of A has B as a factor, and that of B has A.",
                       "Both stay zero for ever, and the head learns by itself; the loss falls a little, so nobody notices.", True),
                Choice("It starts more slowly, and catches up.", "There is no start: a gradient that is exactly zero moves nothing, at any rate."),
                Choice("It makes no difference, since B A is zero in any case at first.", "The output is the same at first. The gradients are not."),
            ),
        ),
        Question(
            "You keep the small artefact and load it next week onto the same body. Nothing is raised, and accuracy is that of guessing. What is the likely reason?",
            (
                Choice("LoRA was rounded when it was saved.", "A rounding in the seventh digit does not cost the accuracy."),
                Choice("The head was not saved: it was drawn anew. Or every name had a prefix too many, and `strict=False` loaded nothing.",
                       "The small artefact is what was learned, the head, the names of the classes in their order, and BatchNorm's statistics; and loading has to look at names.", True),
                Choice("LoRA cannot be moved from one process to another.", "It can, onto a body with the same weights; their sha256 tells whether they are."),
            ),
        ),
        Question(
            "A service answers for 50 customers, each with a LoRA of their own on one body. What speaks against merging?",
            (
                Choice("A merged model answers worse.", "It answers the same, up to rounding in float32."),
                Choice("A merged model is slower.", "It is as fast as the plain body; beside the body, an update costs time in each answer."),
                Choice("Each merged model is a whole body: 50 of them in memory, where one body and 50 small files would do.",
                       "Merge where one task is served and speed counts; keep them apart where many share a body.", True),
            ),
        ),
        Question(
            "A colleague compares LoRA, at the best of eight learning rates, with full fine-tuning at the rate of a tutorial, with one seed: LoRA wins by 0.4 points. What do you say?",
            (
                Choice("The comparison is not fair, and the difference cannot be told from luck: tune both alike on validation data, and draw several seeds.",
                       "A baseline that is tuned less loses to anything.", True),
                Choice("LoRA is better; eight rates are part of the method.", "Whatever gets more tries gets a better best, also without being better."),
                Choice("0.4 points are little, so full fine-tuning is better after all.", "That does not follow either: neither has been shown."),
            ),
        ),
        Question(
            "Distillation is sometimes listed among the methods of few parameters. Is it one?",
            (
                Choice("Yes: the student has fewer parameters.", "It has a small body of its own, all of which trains. Nothing large is adapted by a little."),
                Choice("Yes: both make deployment cheaper.", "Beside a body, LoRA makes answering no cheaper at all. What it saves is training memory, and storage for each task."),
                Choice("No: it makes another, smaller model; these methods adapt the large one with few numbers.",
                       "One can do both: distil first, then adapt the student. Unit 10 is about the first.", True),
            ),
        ),
    ),
)
