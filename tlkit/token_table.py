"""What a table of scores by tag gives away: the accuracy in it, what saying O everywhere would reach, and bounds on entity F1.

A row is (tag, precision, recall, support), as in scikit-learn's report of a classifier of tokens; support is how many tokens
have the tag.
"""

from collections.abc import Sequence

from tlkit.errors import TlkitError

Row = tuple[str, float, float, int]


def token_accuracy(rows: Sequence[Row]) -> float:
    """The share of tokens with the right tag: sum_t recall_t support_t / sum_t support_t.

    Each token has one tag and gets one, so this is the micro average of precision, of recall and of F1 as well, O included.

    Raises:
        TlkitError: no rows, or no tokens.
    """
    tokens = _tokens(rows)
    return sum(recall * support for _, _, recall, support in rows) / tokens


def share_of_outside(rows: Sequence[Row]) -> float:
    """The accuracy of saying O everywhere: the share of tokens that are O; 0 where the table has no row for O.

    Raises:
        TlkitError: no rows, or no tokens.
    """
    tokens = _tokens(rows)
    return sum(support for tag, _, _, support in rows if tag == "O") / tokens


def entity_f1_bounds(rows: Sequence[Row]) -> tuple[float, float]:
    """Between what the F1 of whole entities (strict, BIO2) must lie, low and high.

    An entity begins with its B, so there are G = sum_B support of them, and the model named P = sum_B TP / precision, where
    TP = recall support. An entity is right only if its B is, so at most H = sum_B TP are. It is wrong although its B is right only
    if an I inside of it was missed or an I behind it was invented, and each such token spoils one entity at most. With
    M = sum_I (support - TP) and E = sum_I (TP / precision - TP),

        2 (H - M - E) / (G + P)  <=  F1  <=  2 H / (G + P)

    the lower bound being 0 at least.

    Raises:
        TlkitError: no row of a B; or a B or I with precision 0, since the table then does not say how often it was given.
    """
    begins, inside = ([row for row in rows if row[0].startswith(prefix)] for prefix in ("B-", "I-"))
    if not begins:
        raise TlkitError("the table has no row for a tag that begins an entity (B-...), so it says nothing about entities")
    there = sum(support for *_, support in begins)
    named = sum(_named(row) for row in begins)
    right = sum(recall * support for _, _, recall, support in begins)
    missed = sum(support - recall * support for _, _, recall, support in inside)
    invented = sum(_named((tag, precision, recall, support)) - recall * support for tag, precision, recall, support in inside)
    return max(0.0, 2 * (right - missed - invented) / (there + named)), 2 * right / (there + named)


def _named(row: Row) -> float:
    """How many tokens were given the tag."""
    tag, precision, recall, support = row
    if precision <= 0:
        raise TlkitError(f"{tag} has precision {precision:g}, so the table does not say how many tokens were given that tag")
    return recall * support / precision


def _tokens(rows: Sequence[Row]) -> int:
    tokens = sum(support for *_, support in rows)
    if not tokens:
        raise TlkitError("the table has no tokens")
    return tokens
