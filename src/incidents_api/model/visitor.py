"""Who asks: the name of a key and what it may do."""

from dataclasses import dataclass, field

from incidents_api.model.audience import PUBLISHED, Audience


@dataclass(frozen=True, slots=True)
class Visitor:
    """The holder of a key, or nobody (no name, no scope)."""

    name: str | None
    scopes: frozenset[str]
    key: str | None = field(default=None, compare=False)
    """Stands for the key in logs and limits; tells nothing of its secret."""
    statuses: tuple[str, ...] = field(default=PUBLISHED, compare=False)
    """Review statuses that the settings show to everybody."""
    confirms: frozenset[str] = field(default=frozenset(), compare=False)
    """Kinds of what screening finds in free text that it means to keep (model/screening.py)."""
    now: str = field(default="", compare=False)
    """When it asks, as the log spells it; before all embargoes when nobody has said."""

    def may(self, scope: str) -> bool:
        """Whether the scope is held; admin holds all."""
        return scope in self.scopes or "admin" in self.scopes

    def asking(self, statuses: tuple[str, ...], now: str) -> "Visitor":
        """The same with what the settings show to everybody, at a moment."""
        return Visitor(self.name, self.scopes, self.key, statuses, self.confirms, now)

    @property
    def full(self) -> bool:
        """Whether restricted records are shown."""
        return self.may("read:restricted")

    @property
    def audience(self) -> Audience:
        """For whom answers to this visitor are."""
        return Audience(self.full, None if self.may("review") else self.statuses, self.name, self.now)

    @property
    def author(self) -> str:
        """The name that revisions carry."""
        return self.name or "nobody"


NOBODY = Visitor(None, frozenset())
