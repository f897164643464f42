"""The quiz of unit 08."""

from tlkit.exercises.record import Choice, Question, Quiz

QUIZ = Quiz(
    id="08.quiz",
    title="what does 97.3 % mean?",
    name="answers",
    points=6,
    minutes=6,
    questions=(
        Question(
            "The source says that its model reached “97.3 % F1” and points to the line “micro avg 0.973”. What would that line be, if it were right?",
            (
                Choice("F1 of whole entities, since it is a task of entities.",
                       "The rows are tags of tokens. Nobody counted an entity in this table."),
                Choice("F1 of tokens without O, as is usual in this field.",
                       "The row of O is in the table, and its support in the sum of 46,435. Without O the rows give 0.922."),
                Choice("The accuracy over all tokens, O included: with one tag a token, micro precision, recall and F1 are all the same number.",
                       "Each wrong token is one false positive and one false negative, so the three are equal. (And the rows give 0.981.)", True),
            ),
        ),
        Question(
            "A program that says O for every word has an accuracy of 0.825 on that test set. What is its strict entity F1?",
            (
                Choice("0", "It names no entity, so none of them is right.", True),
                Choice("0.825", "That is its accuracy: five words in six are O. No name was found."),
                Choice("It cannot be known from the table", "Here it can: nothing was named, whatever the table says of the model."),
            ),
        ),
        Question(
            "“New York City” is tagged B-LOC I-LOC I-LOC, and the model says B-LOC I-LOC O. How is this counted in strict entity F1?",
            (
                Choice("Two thirds of an entity are right.", "That is how tokens are counted; strict scoring knows whole entities only."),
                Choice("One entity missed, and one invented: “New York” is not what is there.",
                       "It costs in precision and in recall. Looking at errors by kind shows that it was a boundary, and not a name overlooked.", True),
                Choice("One entity missed, and nothing else.", "The entity that was named is wrong too, and counts among those that were named."),
            ),
        ),
        Question(
            "Why does only the first token of a word get a tag, and the others -100?",
            (
                Choice("Since every word should count once, however many tokens it has been cut into.",
                       "Other conventions exist (the last, or all); what matters is that training, judging and answering use the same one.", True),
                Choice("Because a Transformer sees only the first token of each word.",
                       "It sees all of them, and the first token's output depends on the others through attention."),
                Choice("Because -100 pushes the other tokens towards O.", "-100 leaves them out of the loss; they are pushed nowhere."),
            ),
        ),
        Question(
            "Sentences are cut after 128 tokens, and the F1 is measured on what was kept. What is wrong with that number?",
            (
                Choice("Nothing: the model cannot be blamed for what it did not see.", "Whoever uses it loses the entities all the same."),
                Choice("Entities behind the cut are never asked for, so recall looks better than it is; how much, an audit of the cut can tell.",
                       "Reading in windows gives every word an answer, and then the question does not arise.", True),
                Choice("Its interval is too wide, as fewer words are counted.", "It is a matter of bias, not of spread: what is missing is not a random part."),
            ),
        ),
        Question(
            "Two models have entity F1 0.451 and 0.462 on 1,287 sentences. How do you find out whether that is more than luck?",
            (
                Choice("Resample words, and look at how the difference spreads.",
                       "The words of a sentence belong together: a name that is missed is missed in all of its words. Their number overstates what is known."),
                Choice("It is more than luck, since F1 is an average over a thousand sentences.", "An average of many still has an error; here it is about two points."),
                Choice("Resample sentences, the same for both models, and look at how the difference spreads.",
                       "Sentences are what was drawn, and the same draws for both take out what they share.", True),
            ),
        ),
    ),
)
