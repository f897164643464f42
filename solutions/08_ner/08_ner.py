# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: nbgrader,tags,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 Entities
#
# **What does 97.3 % mean?**
#
# A model reads a sentence and marks the names in it: persons, places, organisations. The text that this course grew from fine-tunes
# BERT to do that, prints a table of scores, and concludes: “97.3 % F1, quite good”. In this unit you take the table apart. You will
# find that the number is not what the rows give, that it is not an F1 of names, and that a program which has never seen a name would
# get 82.5 %. Then you train a model of your own and say what it is worth, in a way that you would believe from somebody else.
#
# Plan for 90 minutes: five exercises, a quiz and a question in your own words. Three more exercises are optional.

# %% [markdown]
# ## Predict
#
# Each word of a sentence gets a **tag**. `O` is outside of every name; `B-PER` begins a person, `I-PER` goes on with one. In this scheme, **BIO2**, every name begins with a B:
#
#     Maria   Lopez   flew   from   New     York    to   Osaka   .
#     B-PER   I-PER   O      O      B-LOC   I-LOC   O    B-LOC   O
#
# Suppose that a model gets 97.3 % of the *tags* of a large text right. Which share of the *names* does it get right, from the
# first word to the last? Write down your guess.

# %%
share_of_names = 0.5  # your guess, from 0 to 1

# %% tags=["setup"]
import numpy as np

from tlkit import check, quiz
from tlkit.explore import ner

# %% tags=["demo"]
ner.source_table()

# %% [markdown]
# On the left, how well each tag is recognised; on the right, how often it occurs. The dashed line is the number that the source
# prints as its “micro average”. Look at where most bars end (the axis begins at 0.75), and at which bars lie beyond the line. Keep both pictures in mind: by the
# end you will know what is between them.

# %% [markdown]
# ## Two scores of one sentence
#
# Choose a sentence and a mistake. Above the words stands what is there, below them what was named; a name is right (solid frame) only if
# its type and both ends are. Watch the two scores: the share of tags that are right, and F1 of whole names.

# %% tags=["demo"]
ner.explore_spans()

# %% [markdown]
# A name that ends one word too early or too late costs a ninth of the first score, and a third of the second: it is missed, and something else is invented. A name that is
# only missed, or only invented, costs a little less. Try *I where B is due*: all words of the name are
# marked as parts of a person, and still no name was found, because nothing says where one begins. And *O everywhere* scores more than
# nothing.

# %% [markdown]
# ## From words to tokens
#
# A Transformer does not read words but **tokens**: pieces of words from its own dictionary. Tags are of words. Somebody has to bring
# the two together, and it is the first place where a score can go wrong without an error message.

# %% tags=["setup"]
import torch

from tlkit import adapt, finetune, load_backbone, load_task, plans

task = load_task("entities")
body = load_backbone("minilm")

# %% tags=["demo"]
print(task.train.describe())
words = ("Amina", "Diallo", "met", "Lopez", "in", "Valparaíso", ".")
state = body.preprocessing([words])
pieces = body.preprocessing.tokenizer.convert_ids_to_tokens(state["tokens"][0].tolist())
print(f"{'token':12} word")
for piece, word in zip(pieces, state["words"][0].tolist()):
    print(f"{piece:12} {word}")

# %% [markdown]
# `[CLS]` and `[SEP]` are special tokens that belong to no word: their number is -1. A long or rare word has several tokens, which all
# carry its number. The sentences of this task were written for the course; each is a tuple of words with a tag for each.

# %% [markdown]
# ### Exercise 1: from words to tokens
#
# *10 minutes, 4 points, medium.* Write `align`: for each **token** of a sentence, the target that training compares the model's
# output with. The first token of a word gets the word's tag; all others get -100, which torch's cross-entropy leaves out: the rest
# of a word, special tokens, padding.
#
# - `words`: an int64 tensor (T,): for each token the number of its word, counted from 0, and -1 where it belongs to none. Padding is
#   at the end and is -1 as well.
# - `tags`: an int64 tensor (W,): the class number of each word's tag.
# - Return an int64 tensor (T,). Where a sentence was cut because it is too long, the last words have no tokens: their tags are not used.

# %% nbgrader={"grade": false, "grade_id": "08-align", "locked": false, "schema_version": 3, "solution": true, "task": false}
def align(words, tags):
    """The target of every token: its word's tag at the word's first token, -100 at all others."""
    ### BEGIN SOLUTION
    targets = torch.full_like(words, -100)
    before = -1
    for place, word in enumerate(words.tolist()):
        if word != before and word >= 0:
            targets[place] = tags[word]
        before = word
    return targets
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "08-align-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("08.align")

# %% [markdown]
# Why only the first token? So that each word counts once. “Valparaíso” is no more important than “Rome” because a dictionary cuts it
# into more pieces. Other conventions exist; what matters is that training, judging and answering share one.

# %% [markdown]
# ## From tags to names
#
# Tags are a way to write names down. To count names, you have to read them back.

# %% [markdown]
# ### Exercise 2: entities from tags
#
# *12 minutes, 4 points, medium.* Write `spans`: the entities of one sentence as a list of tuples `(type, start, end)`, from left to
# right, where `tags[start:end]` are the entity's tags: `end` is the first word *behind* it.
#
# Read strictly. An entity begins with a B, and goes on as long as I tags of the same type follow without a gap. An I that continues
# nothing (behind O, behind another type, at the beginning) belongs to no entity. A B begins an entity wherever it stands, also right
# behind one of the same type. The type is everything behind the first hyphen: `B-work-of-art` begins a `work-of-art`. No words, no entities.

# %% nbgrader={"grade": false, "grade_id": "08-spans", "locked": false, "schema_version": 3, "solution": true, "task": false}
def spans(tags):
    """The entities of a sentence: a list of (type, start, end).

    tags: a list of strings: "O", "B-PER", "I-PER", ...
    """
    ### BEGIN SOLUTION
    found, kind, start = [], None, 0
    for place, tag in enumerate([*tags, "O"]):
        prefix, _, of = tag.partition("-")
        if kind is not None and not (prefix == "I" and of == kind):
            found.append((kind, start, place))
            kind = None
        if prefix == "B":
            kind, start = of, place
    return found
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "08-spans-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("08.spans")

# %% [markdown]
# Strict is a choice. The script of the shared task for which CoNLL-2003 was made is lenient: there an I behind O begins an entity too.
# The same predictions then get another F1, so a score without its scheme is half a score. The library asks for it by name:

# %% tags=["demo"]
from tlkit.evaluation import entity_f1

gold = [["B-PER", "I-PER", "O", "B-LOC"]]
said = [["I-PER", "I-PER", "O", "B-LOC"]]
for scheme in ("strict", "conlleval"):
    print(f"{scheme:10} entity F1 {entity_f1(said, gold, scheme):.3f}")

# %% [markdown]
# ### Exercise 3: precision, recall and F1 of whole entities
#
# *8 minutes, 3 points, medium.* Write `entity_scores`. Let $P$ be the entities that were named and $G$ those that are there, over all
# sentences together. Two entities are the same when sentence, type, start and end are. Return three numbers,
#
# $$\text{precision} = \frac{|P \cap G|}{|P|}, \qquad \text{recall} = \frac{|P \cap G|}{|G|}, \qquad F_1 = \frac{2\,|P \cap G|}{|P| + |G|}$$
#
# with 0 for 0 / 0. Use your `spans`; it is judged with the library's, so that a mistake there does not count twice.

# %% nbgrader={"grade": false, "grade_id": "08-scores", "locked": false, "schema_version": 3, "solution": true, "task": false}
def entity_scores(predicted, gold):
    """Precision, recall and F1 of whole entities.

    predicted, gold: lists with a list of tags for each sentence, of the same sentences in the same order
    """
    ### BEGIN SOLUTION
    named = {(number, *span) for number, tags in enumerate(predicted) for span in spans(tags)}
    there = {(number, *span) for number, tags in enumerate(gold) for span in spans(tags)}
    right = len(named & there)
    precision = right / len(named) if named else 0.0
    recall = right / len(there) if there else 0.0
    return precision, recall, 2 * right / (len(named) + len(there)) if named or there else 0.0
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "08-scores-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("08.scores")

# %% [markdown]
# ## The table, taken apart
#
# Here are the rows of the source's table: tag, precision, recall, support. Precision is the share of those given the tag that have it,
# recall the share of those that have it which were given it, support how many words have it.

# %% tags=["setup"]
source_rows = ner.SOURCE_TABLE
for row in source_rows:
    print("{:7} precision {:.3f}  recall {:.3f}  support {}".format(*row))

# %% [markdown]
# Below the rows it prints “micro avg 0.973 0.973 0.973”. Every word has one tag and was given one, so each wrong word is a false
# positive of one row and a false negative of another. Over all rows precision, recall and F1 are therefore the same number, and that
# number is the **accuracy**. Which is it really?

# %% [markdown]
# ### Exercise 4: the accuracy that is hidden in a table
#
# *5 minutes, 2 points, easy.* Write `token_accuracy`: the share of all tokens whose tag is right, from such rows. A tag's recall times
# its support is how many of its tokens were right. No rows, or no tokens in them, is a `ValueError`.

# %% nbgrader={"grade": false, "grade_id": "08-token_accuracy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def token_accuracy(rows):
    """The share of tokens with the right tag.

    rows: tuples (tag, precision, recall, support)
    """
    ### BEGIN SOLUTION
    tokens = sum(support for _, _, _, support in rows)
    if tokens == 0:
        raise ValueError("the table has no tokens")
    return sum(recall * support for _, _, recall, support in rows) / tokens
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "08-token_accuracy-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("08.token_accuracy")

# %% tags=["demo"]
from tlkit import token_table

rows = source_rows
without_outside = [row for row in rows if row[0] != "O"]
right, there = sum(r * n for _, _, r, n in without_outside), sum(n for *_, n in without_outside)
named = sum(r * n / p for _, p, r, n in without_outside)
print(f"accuracy, from the rows                     {token_table.token_accuracy(rows):.3f}   the source prints 0.973")
print(f"accuracy of saying O for every word         {token_table.share_of_outside(rows):.3f}")
print(f"F1 of tokens, O left out                    {2 * right / (there + named):.3f}")
print(f"mean of the rows' F1, O left out            {np.mean([2 * p * r / (p + r) for _, p, r, _ in without_outside]):.3f}")

# %% [markdown]
# Could rounding explain the difference? Each recall is given to three digits, so it may be up to 0.0005 away. Let us give rounding
# every benefit of the doubt:

# %% tags=["demo"]
low, high = (token_table.token_accuracy([(tag, p, r + shift, n) for tag, p, r, n in rows]) for shift in (-0.0005, 0.0005))
print(f"with the rows' rounding, the accuracy lies between {low:.4f} and {high:.4f}")

# %% [markdown]
# So the rows and the line below them cannot both be right, and neither is the F1 of anything that one would want to know. What can be
# known about **names** from this table? Not their F1: which I belongs to which B is lost. But it can be enclosed.
#
# ### Exercise 5: what entity F1 can be
#
# *12 minutes, 4 points, hard.* In BIO2 each entity has exactly one B, so counting B is counting entities. Write $\text{TP} = \text{recall}
# \cdot \text{support}$ for the tokens of a tag that are right, and $\text{TP} / \text{precision}$ for all that were given the tag. Then
#
# - $G$, the entities that are there: the support of all B rows, added up;
# - $P$, the entities that were named: $\text{TP} / \text{precision}$ of all B rows;
# - $H$: $\text{TP}$ of all B rows. An entity can only be right if its B is.
#
# An entity whose B is right can still be wrong: an I inside was missed, or one behind its end was invented. Each I that is wrong spoils
# *one entity at most*. (One wrong word may count twice, as an I that one row misses and another invents. So this gives a bound, and no more.) How many are wrong, in both ways together, the I rows tell. From this follow a **low** and a **high** bound of
# the strict $F_1 = 2\,|\text{right}| / (G + P)$. The low one is never below 0.
#
# Write `entity_f1_bounds`, which returns `(low, high)`. A table without a B row is a `ValueError`. There may be no I rows, and no O row;
# a B or I row never has precision 0 here.

# %% nbgrader={"grade": false, "grade_id": "08-bounds", "locked": false, "schema_version": 3, "solution": true, "task": false}
def entity_f1_bounds(rows):
    """Between what the strict F1 of whole entities must lie: (low, high).

    rows: tuples (tag, precision, recall, support)
    """
    ### BEGIN SOLUTION
    begins = [row for row in rows if row[0].startswith("B-")]
    inside = [row for row in rows if row[0].startswith("I-")]
    if not begins:
        raise ValueError("no row begins an entity")
    there = sum(support for _, _, _, support in begins)
    named = sum(recall * support / precision for _, precision, recall, support in begins)
    right = sum(recall * support for _, _, recall, support in begins)
    wrong = sum(support - recall * support + recall * support / precision - recall * support for _, precision, recall, support in inside)
    return max(0.0, 2 * (right - wrong) / (there + named)), 2 * right / (there + named)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "08-bounds-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("08.bounds")

# %% tags=["demo"]
low, high = token_table.entity_f1_bounds(source_rows)
print(f"strict entity F1 of the source's model: between {low:.3f} and {high:.3f}; the source calls 0.973 an F1, and it is not even the rows' accuracy")
begins = [row for row in source_rows if row[0].startswith("B-")]
spoiled = sum(n - r * n + r * n / p - r * n for tag, p, r, n in source_rows if tag.startswith("I-"))
right, there = sum(r * n for _, _, r, n in begins), sum(n for *_, n in begins)
print(f"share of the names that it gets right: between {(right - spoiled) / there:.3f} and {right / there:.3f}; your guess was {share_of_names:.2f}")

# %% [markdown]
# Well below what was claimed, at either end. Nothing is wrong with such a model: well-tuned BERT models reach an entity F1 of about 0.92
# on this data set. What is wrong is the sentence that was written about it.

# %% [markdown]
# ## A model of your own
#
# Now train one, on the course's 243 sentences. MiniLM is a small BERT; its lower layers stay as they are, the uppermost and a new head
# learn. The library aligns, trains, reads the tags back and counts whole entities, strictly, with an interval: resampled by *sentence*,
# since the words of a sentence belong together.

# %% tags=["demo"]
model = adapt(body, task)
plan = plans.full(epochs=16, learning_rate=2e-3, head_learning_rate=5e-3, frozen=6, batch_size=8, patience=None)
run = finetune(model, task, plan)
judged = run.evaluate("test")
for name in ("entity F1", "entity precision", "entity recall", "token accuracy"):
    print(f"{name:18} {judged.metrics[name]}")
outside = np.mean([tag == task.classes.index("O") for tags in task.test.labels for tag in tags.tolist()])
print(f"O for every word: token accuracy {outside:.3f}, entity F1 0")

# %% [markdown]
# The interval is wide. With a hundred sentences you cannot tell two models apart that differ by a few points, and a third digit would be
# decoration. Which mistakes does it make? A number does not say; look at them. A name that is there can be **right**; have a wrong **boundary**, a wrong **type**, or **both**, where some of
# its words were named; or be **missed**, where none was. What was named and shares no word with a name is **invented**.

# %% tags=["demo"]
from tlkit.predictor import Predictor
from tlkit.spans import entity_errors

answers = Predictor(model, {}).predict(task.test.inputs)
golden = [[task.classes[tag] for tag in tags.tolist()] for tags in task.test.labels]
errors = entity_errors(answers, golden)
print("entities of the test sentences by what became of them:")
for kind, found in zip(errors._fields, errors):
    examples = "; ".join(" ".join(task.test.inputs[number][span.start : span.end]) + f" ({span.type})" for number, span in found[:3])
    print(f"  {kind:9} {len(found):4}   {examples}")

# %% tags=["demo"]
wrong = sorted({number for kind in (errors.boundary, errors.type, errors.both) for number, _ in kind}, key=lambda n: len(task.test.inputs[n]))
for number in wrong[:3]:
    display(ner.entities_of(task.test.inputs[number], golden[number], answers[number]))

# %% [markdown]
# *Boundary* and *type* errors are near misses that a reader may forgive; *missed* and *invented* are not. Strict F1 treats them alike. That
# is a reason to look at both, not a reason to change the score.

# %% [markdown]
# ## Reflect
#
# Six questions; one letter for each.

# %%
quiz("08.quiz")

# %% nbgrader={"grade": false, "grade_id": "08-quiz", "locked": false, "schema_version": 3, "solution": true, "task": false}
answers = [  # one letter in quotes for each question, in order: "a", "c", ...
    ### BEGIN SOLUTION
    "c",
    "a",
    "b",
    "a",
    "b",
    "c",
    ### END SOLUTION
]

# %% nbgrader={"grade": true, "grade_id": "08-quiz-check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("08.quiz")

# %% [markdown]
# ### In your own words
#
# *5 minutes, 2 points; a person reads this one.* Your company wants to find the names of customers in letters. A supplier offers a model
# with “98 % accuracy on named entities”. Write the two questions that you ask first, and say what each answer would change.

# %% [markdown] nbgrader={"grade": true, "grade_id": "08-explain", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# Any two of these, each with what the answer would change, one point each (half a point without the consequence):
#
# - Accuracy of what, words or whole names? Of words, most are O: saying O everywhere may already score above 90 %, so the number says little.
# - By which scheme are names counted (strict, lenient, overlap)? The same model has several F1, and ours must be counted as theirs.
# - On which texts? News are not letters; on other texts F1 can fall by tens of points.
# - How large was the test set, and what is the interval? A hundred letters do not tell 0.90 from 0.95.
# - Were long letters cut? Names behind the cut are missed, and perhaps were never counted.
# - Which mistakes: missed or invented? For hiding names, one that is missed is worse than one too many.

# %% [markdown]
# ## The same on real data
#
# WNUT-17 holds posts from the web, with names that hardly anybody has written about before: for BERT-base, an entity F1 of 0.40 to 0.46
# on its test sentences is commonly reported. Where the data set is on this machine (in the folder that `TLKIT_DATA` names, or downloaded
# before), this cell reads it and says how much of it is O; your own file in CoNLL's columns is read by its path in the same way.

# %% tags=["demo"]
from tlkit.data.downloads import is_here

if not is_here("wnut17/emerging.test.annotated"):
    print("WNUT-17 is not here: it lies in no folder that TLKIT_DATA names, and was not loaded before")
else:
    real = load_task("wnut17")
    print(real.describe())
    tags = np.concatenate([tags.numpy() for tags in real.test.labels])
    print(f"O for every word of the test split: token accuracy {np.mean(tags == real.classes.index('O')):.3f}, entity F1 0")

# %% [markdown]
# ## If you want more
#
# Three exercises without points.
#
# ### Exercise 6 (optional): from BIO1 to BIO2
#
# *8 minutes, easy.* The files of CoNLL-2003 are written in an older scheme, **BIO1**: an entity begins with I, and with B only where it
# follows right behind another entity *of its own type*. Write `bio2`: the same entities in BIO2, where each begins with B. What is BIO2
# already stays as it is. Return a new list.

# %% nbgrader={"grade": false, "grade_id": "08-bio2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bio2(tags):
    """The tags of a sentence in BIO2.

    tags: a list of strings in BIO1 (or BIO2)
    """
    ### BEGIN SOLUTION
    converted, before = [], "O"
    for tag in tags:
        begins = tag.startswith("I-") and tag[2:] != before[2:]
        converted.append("B" + tag[1:] if begins else tag)
        before = tag
    return converted
    ### END SOLUTION

# %% tags=["demo"]
check("08.bio2")

# %% [markdown]
# ### Exercise 7 (optional): what became of an entity
#
# *10 minutes, medium.* Write `what_became_of`. `span` is an entity that is there, `(type, start, end)`; `named` are those that a model named
# in its sentence, a list of the same. Return one word:
#
# - `"right"` if it is among those named;
# - else `"type"` if one has the same start and end (and another type);
# - else `"boundary"` if one of the same type shares a word with it;
# - else `"both"` if any shares a word with it;
# - else `"missed"`.

# %% nbgrader={"grade": false, "grade_id": "08-became", "locked": false, "schema_version": 3, "solution": true, "task": false}
def what_became_of(span, named):
    """One word: "right", "type", "boundary", "both" or "missed".

    span: (type, start, end)
    named: a list of such spans
    """
    ### BEGIN SOLUTION
    kind, start, end = span
    near = [tuple(other) for other in named if start < other[2] and other[1] < end]
    if tuple(span) in near:
        return "right"
    if any(other[1:] == (start, end) for other in near):
        return "type"
    if any(other[0] == kind for other in near):
        return "boundary"
    return "both" if near else "missed"
    ### END SOLUTION

# %% tags=["demo"]
check("08.became")

# %% [markdown]
# ### Exercise 8 (optional): entities that nobody asks for
#
# *8 minutes, medium.* A body that reads 128 tokens leaves the rest of a long sentence out; and if the words behind the cut have no targets,
# nobody notices. (The library reads long sentences in windows that overlap, and joins the answers.) Write `entities_cut_off`, the audit: how
# many entities of a sentence are lost or cut short if only its first `room` tokens are read. A word is read if its *first* token is; an entity
# is whole if all of its words are read. `tags` are strict BIO2, `pieces` says how many tokens each word has (1 or more). Use your `spans`.

# %% nbgrader={"grade": false, "grade_id": "08-cut_off", "locked": false, "schema_version": 3, "solution": true, "task": false}
def entities_cut_off(tags, pieces, room):
    """How many entities would be lost or cut short.

    tags: a list of strings, one a word
    pieces: how many tokens each word has
    room: how many tokens are read
    """
    ### BEGIN SOLUTION
    read, used = 0, 0
    for count in pieces:
        if used >= room:
            break
        read += 1
        used += count
    return sum(end > read for _, _, end in spans(tags))
    ### END SOLUTION

# %% tags=["demo"]
check("08.cut_off")

# %% [markdown]
# ## What to remember
#
# - **Micro F1 of tokens with O in it is accuracy**, and where most words are O, saying O is already good at it.
# - An **entity** is right as a whole or not at all. Name the scheme (strict, lenient) beside the score.
# - One tag for each **word**, at its first token; -100 everywhere else.
# - Before you believe a table, add up its rows.
# - Resample **sentences**, not words; and look at the errors by kind before you compare numbers.
#
# ## Further reading
#
# - Tjong Kim Sang and De Meulder (2003), *Introduction to the CoNLL-2003 shared task*. The data set, and how it is scored.
# - Ramshaw and Marcus (1995), *Text chunking using transformation-based learning*. Where B, I and O come from.
# - Devlin, Chang, Lee and Toutanova (2019), *BERT*, section 5.3. Entities with BERT, and the first token of a word.
# - Derczynski, Nichols, van Erp and Limsopatham (2017), *Results of the WNUT2017 shared task on novel and emerging entity recognition*. What
#   happens when the names are new.
