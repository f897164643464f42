"""The one exception that tlkit raises for what a user can mend, and the one warning for what a user should know."""


class TlkitError(ValueError):
    """An error that a user can mend: one clear sentence of what was wrong and what would be right."""


class TlkitWarning(UserWarning):
    """What goes on, but not as well as it could: one clear sentence of what was seen, and what would be better."""
