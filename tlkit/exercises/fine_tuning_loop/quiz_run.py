"""The quiz of unit 04's second notebook."""

from tlkit.exercises.record import Choice, Question, Quiz

QUIZ_RUN = Quiz(
    id="04.quiz_run",
    title="a whole run: what did you learn?",
    name="run_answers",
    points=6,
    minutes=8,
    questions=(
        Question(
            "A schedule is planned for 1,000 steps with a warm-up of 100; there are 20 batches an epoch, and somebody calls `scheduler.step()` once an epoch. "
            "What happens in 50 epochs?",
            (
                Choice("The same curve, only in coarser stairs.", "It would be, if the schedule had been planned for 50 steps. It was planned for 1,000, and is told of 50."),
                Choice("The rate is still warming up when training ends.", "The schedule has counted 50 of its 100 warm-up steps. Nothing complains; it just learns slowly.", True),
                Choice("The rate reaches 0 after 50 epochs, as planned.", "It would take 1,000 calls to get there, and 50 were made."),
            ),
        ),
        Question(
            "A loop keeps `best = model.state_dict()` whenever the validation loss is a new best, and at the end calls `model.load_state_dict(best)`. "
            "Which weights does the model hold then?",
            (
                Choice("Those of the last epoch.", "`best` holds the model's own tensors. Training went on writing into them, and loading them is loading what is there.", True),
                Choice("Those of the best epoch.", "Only if somebody copied them at that moment: `clone()`, or `copy.deepcopy`."),
                Choice("Those of the first epoch.", "The tensors are the model's own, so they go along with it to the end."),
            ),
        ),
        Question(
            "Training runs in 16 bits with a loss scale of 65,536 and `max_norm=1`. The gradients are clipped before they are unscaled. How long is the gradient that the "
            "optimiser gets?",
            (
                Choice("At most 1, as wanted; the order does not matter.", "It was at most 1 while it was still multiplied by 65,536. Then it was divided."),
                Choice("At most 65,536, so that training explodes.", "The division makes it smaller, not larger."),
                Choice("At most 1 / 65,536.", "SGD stands still with it. AdamW divides by the gradient's size and hides it, until a step meets epsilon.", True),
                Choice("The usual length, since the scale cancels.", "It would cancel if the gradient were not cut in between."),
            ),
        ),
        Question(
            "Run A is planned for 10 epochs and carried out. Run B is planned for 40 epochs with the same learning rate, and stopped by hand after 10. Both warm up and then decay along a "
            "cosine. Are they the same training?",
            (
                Choice("Yes: ten epochs are ten epochs.", "The batches may be the same; the rates are not."),
                Choice("No: B has hardly begun to lower its rate.", "After 10 of 40 epochs its cosine is still near the top, and A's is at 0. The length of a run is part of its schedule.", True),
                Choice("No: B has seen fewer examples.", "Both have seen the training data ten times."),
            ),
        ),
        Question(
            "Forty epochs were evaluated on a validation set of 60 images; the best, which comes back, had an accuracy of 0.95 on them. What do you expect on new images?",
            (
                Choice("About 0.95: the model never learned from the validation set.", "Its gradients did not, but the choice among forty epochs did. The best of many noisy numbers is partly luck."),
                Choice("More than 0.95, since all data can be used at the end.", "Nothing was trained again on more data."),
                Choice("Somewhat less; the fewer images, the more so.", "A maximum over noisy measurements is too high on average. The test set is there for that, and is asked once.", True),
            ),
        ),
        Question(
            "“Early stopping costs nothing: it can only make a run shorter and its end better.” In which of these cases is that wrong?",
            (
                Choice("When the validation loss falls to the last epoch.", "Then it changes nothing: the last epoch is the best, and it comes back."),
                Choice("When a high rate throws the model off at first, and it would recover later.", "Patience runs out before the decaying rate brings the recovery. The figure has such runs.", True),
                Choice("When the best epoch comes in the middle.", "That is what it is made for."),
            ),
        ),
    ),
)
