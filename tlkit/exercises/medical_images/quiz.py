"""The quiz of unit 06."""

from tlkit.exercises.record import Choice, Question, Quiz

QUIZ = Quiz(
    id="06.quiz",
    title="can a ResNet read scans?",
    name="answers",
    points=6,
    minutes=6,
    questions=(
        Question(
            "The source says of its ResNet that it is pretrained on ImageNet and then fine-tuned “with images of ImageNet”, for medical scans. What is meant?",
            (
                Choice("That scans are to be mixed with photographs while fine-tuning.",
                       "One can do that against forgetting, but it is not what the five steps do: they train on labelled scans."),
                Choice("It is a slip: pretrained on ImageNet, fine-tuned on labelled scans. On ImageNet's images it would learn photographs again.",
                       "Its own steps collect labelled scans and split them. Nothing is learned about scans from photographs' labels.", True),
                Choice("That ImageNet holds medical scans as well.", "Its thousand classes are things of everyday life and animals; no illness is among them."),
            ),
        ),
        Question(
            "In training 74 % of the scans show the illness, in the test 62 %. What does that do to the metrics of one and the same model?",
            (
                Choice("Sensitivity, specificity and AUC stay as they are, but for chance; accuracy and the predictive values change.",
                       "The first three look within one class, or at pairs across; the others mix classes by how frequent they are. (As long as the ill look the same in both.)", True),
                Choice("All of them change in the same way.", "Sensitivity looks at the ill alone: how many they are does not matter to a share of them."),
                Choice("None changes, since the model is the same.", "Accuracy is sensitivity times the share of the ill plus specificity times the rest."),
            ),
        ),
        Question(
            "A report gives an AUC of 0.93, computed from the predicted classes. What is it?",
            (
                Choice("The usual AUC: classes are made from scores.", "Making classes throws the order away that AUC is about."),
                Choice("An upper bound of the AUC.", "It can lie on either side: one threshold says little about the rest of the curve."),
                Choice("The mean of sensitivity and specificity at one threshold.", "A curve through one point has exactly that area below it. Ask for the scores.", True),
            ),
        ),
        Question(
            "Where does the threshold for a sensitivity of 95 % come from, and what may be promised for it?",
            (
                Choice("From the test split, and 95 % is promised there exactly.", "Chosen and judged on the same patients: another hospital's patients were not asked."),
                Choice("From the validation split; the test split then tells the sensitivity that it really has, with an interval.",
                       "It will be 95 % only roughly: both splits are samples.", True),
                Choice("It is 0.95, since scores are probabilities.", "A score of 0.95 says how sure the model is of one patient, at best; it promises nothing about the share found."),
            ),
        ),
        Question(
            "A temperature of 2.5 is applied to the logits of a model for two classes. What changes?",
            (
                Choice("The probabilities alone: the order of the patients, AUC and the decisions at 0.5 stay.",
                       "Dividing all logits by one number above 0 keeps their order, and the larger stays the larger.", True),
                Choice("The AUC rises, since probabilities become honest.", "AUC looks at the order, which stays the same."),
                Choice("Sensitivity rises at 0.5, since scores become softer.", "They move towards 0.5 from both sides, and none crosses it."),
            ),
        ),
        Question(
            "Each patient has four pictures. They are shuffled picture by picture into train and test. What is the test accuracy then worth?",
            (
                Choice("As much as before, as no picture stands in both.", "The pictures of a patient share the patient: whoever knows the one has seen something of the others."),
                Choice("It says how well new pictures of *known* patients are read; for new patients it can be far too good.",
                       "Split by patient, and draw patients for the intervals too.", True),
                Choice("Nothing is lost if the classes stay balanced.", "Balance is another matter; the leak goes through the patient."),
            ),
        ),
    ),
)
