"""Exercise 09.count: what an update costs, by arithmetic."""

from math import prod

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _count_cases(rng: np.random.Generator) -> list[Case]:
    def pair():
        return int(rng.integers(5, 40)), int(rng.integers(5, 40))

    outputs, inputs = int(rng.integers(3, 9)), int(rng.integers(10, 20))
    kernel = (int(rng.integers(5, 9)), int(rng.integers(4, 8)), 3, 3)
    refused = "a rank that does not fit is refused"
    return [
        Case("linear layers", "one weight, rank 1", (([(2, 3)], 1),)),
        Case("linear layers", "more inputs than outputs", (([(outputs, inputs)], 3),)),
        Case("linear layers", "two of the same shape", (([(4, 3), (4, 3)], 1),)),
        Case("linear layers", "several weights", (([pair(), pair(), pair()], int(rng.integers(2, 5))),)),
        Case("convolutions", "one of 3 x 3", (([(4, 2, 3, 3)], 2),)),
        Case("convolutions", "a rank above the sides of the kernel", (([(6, 2, 3, 3)], 5),)),
        Case("convolutions", "beside a linear layer", (([kernel, pair()], 3),)),
        Case("convolutions", "along one axis alone", (([(4, 3, 5)], 3),)),
        Case(refused, "the largest rank that there is", (([(3, 5), (4, 9)], 3),)),
        Case(refused, "the largest rank, with more outputs than inputs", (([(9, 4), (5, 4)], 4),)),
        Case(refused, "rank 0", (([(4, 5)], 0),), raises="ValueError"),
        Case(refused, "more than the inputs of the first", (([(9, 3), (4, 5)], 4),), raises="ValueError"),
        Case(refused, "more than the outputs of the second", (([(6, 5), (3, 9)], 4),), raises="ValueError"),
        Case(refused, "more than there are outputs, of a convolution", (([(2, 3, 3, 3)], 3),), raises="ValueError"),
    ]


def _counted(size=lambda outputs, inputs, rank: rank * (outputs + inputs), sides=lambda shape: (shape[0], prod(shape[1:])),
             moments=lambda trained, full: 8 * trained, share=lambda trained, full: trained / full, refused=lambda rank, most: not 1 <= rank <= most,
             smallest=lambda pairs: min(min(pair) for pair in pairs), gives=tuple):
    """The count with one mistake."""

    def lora_cost(shapes, rank):
        pairs = [sides(shape) for shape in shapes]
        if refused(rank, smallest(pairs)):
            raise ValueError("rank out of range")
        trained = sum(size(*pair, rank) for pair in pairs)
        full = sum(outputs * inputs for outputs, inputs in pairs)
        return gives((trained, moments(trained, full), share(trained, full)))

    return lora_cost


def _smallest_number(shapes, rank):
    if not 1 <= rank <= min(map(min, shapes)):
        raise ValueError("rank out of range")
    return _counted()(shapes, rank)


def _mean_share(shapes, rank):
    parameters, moments, _ = _counted()(shapes, rank)
    return parameters, moments, sum(_counted()([shape], rank)[2] for shape in shapes) / len(shapes)


def _equal_once(shapes, rank):
    return _counted()(sorted({tuple(shape) for shape in shapes}), rank)


def _last_alone(shapes, rank):
    _counted()(shapes, rank)
    full = sum(prod(shape) for shape in shapes)
    parameters, moments, _ = _counted()(shapes[-1:], rank)
    return parameters, moments, parameters / full


COUNT = Exercise(
    id="09.count",
    title="parameters and memory, by arithmetic",
    name="lora_cost",
    parameters=("shapes", "rank"),
    points=2,
    minutes=6,
    difficulty="easy",
    reference="tlkit.peft.counting:low_rank_cost",
    cases=_count_cases,
    hint="Write down the shapes of A and B for one weight, and how many numbers that is.",
    equivalent_mutants=dict.fromkeys(
        (f"dropped: {part}raise TlkitError('there are no weights to update; name at least one shape (outputs, inputs)')" for part in ("if not sides:\n    ", "")),
        "the smallest of no sides is a ValueError as well"),
    misconceptions=(
        Misconception("the weight itself is counted", "O times I is what stays as it is.", "How many numbers do A and B have together?",
                      _counted(lambda outputs, inputs, rank: outputs * inputs)),
        Misconception("A times B", "A and B lie side by side: their numbers are added.", "How many numbers do two matrices have together?",
                      _counted(lambda outputs, inputs, rank: rank * outputs * rank * inputs)),
        Misconception("the rank counts once", "Both matrices have R of something.", "Which shape has A, and which has B?",
                      _counted(lambda outputs, inputs, rank: rank * inputs + outputs)),
        Misconception("the rank is left out", "It is right for rank 1.", "Which shape has A, and which has B?",
                      _counted(lambda outputs, inputs, rank: inputs + outputs)),
        Misconception("the rank counts for B alone", "`rank * O + I` lacks brackets: both matrices have R of something.", "Which shape has A, and which has B?",
                      _counted(lambda outputs, inputs, rank: rank * outputs + inputs)),
        Misconception("R times O times I", "Two thin matrices have a side each; that product would be R full ones.", "Which shape has A, and which has B?",
                      _counted(lambda outputs, inputs, rank: rank * outputs * inputs)),
        Misconception("equal shapes count once", "Queries and values are as large, and each has an A and a B of its own.", "What does a set forget?", _equal_once),
        Misconception("the last weight alone", "What is computed in the loop has to be added up.",
                      "What happens to the first weight's numbers when the loop comes to the second?", _last_alone),
        Misconception("A alone", "B learns too.", "Which two matrices learn?", _counted(lambda outputs, inputs, rank: rank * inputs)),
        Misconception("B alone", "A learns too.", "Which two matrices learn?", _counted(lambda outputs, inputs, rank: rank * outputs)),
        Misconception("a square of the rank between them", "Other factorisations have a small matrix in the middle; LoRA has none.", "Which two matrices learn?",
                      _counted(lambda outputs, inputs, rank: rank * (outputs + inputs) + rank * rank)),
        Misconception("the kernel's places are left out", "A convolution of 3 x 3 sees nine places of every channel, and A has a number for each.",
                      "How many numbers go into one output of the convolution?", _counted(sides=lambda shape: (shape[0], shape[1]))),
        Misconception("the kernel counts on both sides", "A reads the places; B goes from R numbers to the outputs, at one place.", "Which shape has B for a convolution?",
                      _counted(lambda outputs, inputs, rank: rank * (outputs + inputs), sides=lambda shape: (shape[0] * prod(shape[2:]), prod(shape[1:])))),
        Misconception("the last number is I", "For a linear layer it is. Of a convolution's shape, the last number is a side of the kernel.",
                      "How many numbers go into one output of the convolution?", _counted(sides=lambda shape: (shape[0], shape[-1]))),
        Misconception("the kernel's places are counted with the outputs", "R (I' + O K K) comes out, which is so too where O and I' are taken for each other. A reads I' K K numbers; B goes from R "
                      "numbers to O, at one place.", "Which shape has A for a convolution?", _counted(sides=lambda shape: (shape[0] * prod(shape[2:]), shape[1]))),
        Misconception("a kernel's side bounds the rank", "I is the product of channels and kernel: 3 x 3 places of 2 channels are 18 inputs.",
                      "Which two numbers bound the rank of a matrix of O by I?", _smallest_number),
        Misconception("a mean of the weights' shares", "Then a small weight counts as much as a large one.", "What does the exercise divide by what?", _mean_share),
        Misconception("AdamW has one moment", "Momentum has one. Adam keeps a mean of the gradient and a mean of its square.",
                      "Which two numbers does AdamW remember for each parameter?", _counted(moments=lambda trained, full: 4 * trained)),
        Misconception("numbers, not bytes", "Two moments each, right; a float32 has four bytes.", "How many bytes is a float32?",
                      _counted(moments=lambda trained, full: 2 * trained)),
        Misconception("12 bytes for each parameter", "Two moments of four bytes are 8. The parameter itself is not among them, nor is its gradient: the optimiser keeps neither.",
                      "Which two numbers does AdamW remember for each parameter?",
                      _counted(moments=lambda trained, full: 12 * trained)),
        Misconception("16 bytes for each parameter", "Two moments of four bytes are 8. Parameter and gradient are not among them; and a number of 8 bytes would be a float64.",
                      "Which two numbers does AdamW remember for each parameter?",
                      _counted(moments=lambda trained, full: 16 * trained)),
        Misconception("moments of the weights alone", "They stay as they are: what does not train is in no optimiser.", "For which parameters does AdamW keep moments?",
                      _counted(moments=lambda trained, full: 8 * full)),
        Misconception("moments of weights and updates together", "What does not train is in no optimiser.", "For which parameters does AdamW keep moments?",
                      _counted(moments=lambda trained, full: 8 * (trained + full))),
        Misconception("the share is upside down", "“So many times fewer” is the other way to say it.", "Should the share be below 1 for a low rank?",
                      _counted(share=lambda trained, full: full / trained)),
        Misconception("the share of weights and updates together", "A share of what the model then has; asked is that of the weights' own numbers.",
                      "What does the exercise divide by?", _counted(share=lambda trained, full: trained / (trained + full))),
        Misconception("a percentage", "A share lies between 0 and 1 here.", "What is a quarter as a share?", _counted(share=lambda trained, full: 100 * trained / full)),
        Misconception("what is saved, not what is trained", "One minus the share is the other part.", "What does the exercise divide by?",
                      _counted(share=lambda trained, full: 1 - trained / full)),
        Misconception("every rank is accepted", "A rank above the smaller side costs more than it can say.", "How large can the rank of a matrix be?",
                      _counted(refused=lambda rank, most: False)),
        Misconception("only the first weight's sides are looked at", "Each of the weights has to be able to hold the rank.", "Which of the weights is the smallest?",
                      _counted(smallest=lambda pairs: min(pairs[0]))),
        Misconception("the outputs alone bound the rank", "The rank of a matrix is bounded by both of its sides.", "Which two numbers bound the rank of a matrix of O by I?",
                      _counted(smallest=lambda pairs: min(outputs for outputs, _ in pairs))),
        Misconception("the inputs alone bound the rank", "The rank of a matrix is bounded by both of its sides.", "Which two numbers bound the rank of a matrix of O by I?",
                      _counted(smallest=lambda pairs: min(inputs for _, inputs in pairs))),
        Misconception("refused only where it fits none of the weights", "Each of the weights has to be able to hold the rank.", "Which of the weights is the smallest?",
                      _counted(smallest=lambda pairs: max(min(pair) for pair in pairs))),
        Misconception("the largest rank is refused", "Up to the smallest side, and with it.", "May R equal the smallest side?",
                      _counted(refused=lambda rank, most: not 1 <= rank < most)),
        Misconception("rank 0 is accepted", "It is no update at all.", "Which is the lowest rank that learns something?", _counted(refused=lambda rank, most: rank > most)),
        Misconception("the number of parameters alone", "Three numbers are asked for.", "What else does the exercise want?", _counted(gives=lambda found: found[0])),
    ),
)
