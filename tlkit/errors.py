"""The one exception that tlkit raises for what a user can mend."""


class TlkitError(ValueError):
    """An error that a user can mend: one clear sentence of what was wrong and what would be right."""
