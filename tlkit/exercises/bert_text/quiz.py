"""The quiz of unit 07."""

from tlkit.exercises.record import Choice, Question, Quiz

QUIZ = Quiz(
    id="07.quiz",
    title="how do we fine-tune BERT?",
    name="answers",
    points=5,
    minutes=6,
    questions=(
        Question(
            "The listing's `AdamW` came from transformers, where weight decay was 0 unless asked for. You import torch's in its place and change nothing else. "
            "What is different?",
            (
                Choice("Nothing, it is the same algorithm.", "The same algorithm with another default: torch's AdamW decays weights by 0.01 times the learning rate."),
                Choice("Weights are now decayed a little at every step, since torch's default is 0.01.",
                       "To get what the listing meant, write `weight_decay=0.0`; to get what one usually wants, write the number that you chose.", True),
                Choice("The learning rate, which torch multiplies by 0.01.", "`lr` means the same in both; weight decay is another argument."),
            ),
        ),
        Question(
            "Which of the listing's mistakes would you have found last, if nobody had told you?",
            (
                Choice("The mean of the batches' means: it raises nothing, and its number looks plausible.",
                       "An error message is a friend. A number that is a little wrong is found by whoever computes it a second time.", True),
                Choice("`train_images`, which is defined nowhere.", "Python stops there at once, with the name."),
                Choice("The cut of each prediction to its label's length, since it comes last.", "It comes last, but it cannot be overlooked: evaluation never gets past its first text."),
            ),
        ),
        Question(
            "A tokenizer's batch is padded to 128 places although its longest text has 24 tokens. Mask and weights are right. What does it cost?",
            (
                Choice("Accuracy: the model reads the padding as text.", "Not with the mask. Attention and mean leave padding out."),
                Choice("Time and memory, about five times as much; what comes out is the same up to rounding.",
                       "Every place is computed, whether it counts or not. That is why batches are padded to their own longest text.", True),
                Choice("Nothing, padding is skipped.", "The mask says what does not count; it does not make the arithmetic go away."),
            ),
        ),
        Question(
            "You pool without the mask. How would you notice it?",
            (
                Choice("By an error message, since shapes do not fit.", "Shapes fit very well."),
                Choice("By a loss that does not fall.", "It falls: the model learns to live with it, a little worse."),
                Choice("The same text has another vector when it is alone than when a longer text is in its batch.",
                       "The padded places enter its mean. A good test of any code that handles batches.", True),
            ),
        ),
        Question(
            "With one text for each of 13 intents, class means on top of MiniLM are right for nearly half of the test texts. Will bert-base-uncased do the same?",
            (
                Choice("Yes, both are BERT, and bert-base-uncased is larger.", "It was never taught that texts of one meaning should lie close together."),
                Choice("Perhaps not: MiniLM was tuned on pairs of sentences of one meaning before, which helps just here.",
                       "It is a BERT that has been to a school for this very thing. What it reaches with few labels speaks for that, not for every BERT.", True),
                Choice("No, bert-base-uncased has another vocabulary.", "It has the same 30,522 word pieces."),
            ),
        ),
    ),
)
