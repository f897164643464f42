"""Several adapters on one body, switched by name: the body's weights are in memory once."""

from pathlib import Path

from tlkit.backbones.backbone import Backbone
from tlkit.errors import TlkitError
from tlkit.model import Model
from tlkit.peft.placing import Added
from tlkit.peft.targets import body_of
from tlkit.predictor import Predictor


class Shelf:
    """A body, and what small artefacts put onto it; one of them is in its place at a time.

        shelf = Shelf(tlkit.load_backbone("minilm"))
        shelf.add("tickets", "tickets.tl"); shelf.add("banking", "banking.tl")
        shelf["banking"].predict(["my card is lost"])

    Args:
        body: a Backbone without a method; whoever predicts with it sees what is in place.
    """

    def __init__(self, body: Backbone):
        body = body_of(body)
        if body.added is not None:
            raise TlkitError(f"{body.name} carries a method already ({body.added.method}); `tlkit.peft.remove` takes it out")
        self.body = body
        self._on: dict[str, Added | None] = {}  # None for an artefact that is a head alone
        self._last: str | None = None
        self._predictors: dict[str, _Switched] = {}

    @property
    def names(self) -> list[str]:
        """In the order in which they were added."""
        return list(self._predictors)

    @property
    def active(self) -> str | None:
        """The name of what is in its place; None of the plain body."""
        return self._last if self._last is not None and self._on[self._last] is self.body.added else None

    def add(self, name: str, path: str | Path) -> Predictor:
        """Read an artefact that was saved with `run.save(path, body=False)`.

        Raises:
            TlkitError: the name is taken or none, what is in its place is merged, or the artefact is for another body, or holds one.
        """
        from tlkit.artefact import load

        if not isinstance(name, str) or not name:
            raise TlkitError(f"name={name!r} must be a text by which the adapter is asked for")
        if name in self._predictors:
            raise TlkitError(f"there is an adapter {name!r} already; names: {', '.join(self.names)}")
        self.use(None)
        loaded = load(path, self.body)
        self._on[name], self._last = self.body.added, name
        self._predictors[name] = _Switched(self, name, loaded)
        return self._predictors[name]

    def use(self, name: str | None) -> Model | None:
        """Put an adapter in its place; None takes out what is there.

        Raises:
            TlkitError: an unknown name, or another adapter is merged into the body's weights.
        """
        if name is not None and name not in self._predictors:
            raise TlkitError(f"there is no adapter {name!r}; names: {', '.join(self.names) or 'none yet'}")
        wanted = self._on[name] if name is not None else None
        if self.body.added is not wanted:
            self._refuse_merged()
            if self.body.added is not None:
                self.body.added.uninstall()
            if wanted is not None:
                wanted.install()
        self._last = name
        return self._predictors[name].own if name is not None else None

    def _refuse_merged(self) -> None:
        for name, added in self._on.items():
            if added is not None and added.merged:
                taken_out = " and was taken out, so no other fits them any more; take a new shelf and load the body again"
                way = "; unmerge it first: tlkit.peft.unmerge(shelf.body)" if self.body.added is added else taken_out
                raise TlkitError(f"{name!r} is merged into the weights of {self.body.name}{way}")

    def __getitem__(self, name: str) -> Predictor:
        self.use(name)
        return self._predictors[name]


class _Switched(Predictor):
    """A predictor that puts its adapter in its place whenever its model is asked for."""

    def __init__(self, shelf: Shelf, name: str, loaded: Predictor):
        self.shelf, self.name, self.own, self.facts = shelf, name, loaded.model, loaded.facts

    @property
    def model(self) -> Model:
        self.shelf.use(self.name)
        return self.own
