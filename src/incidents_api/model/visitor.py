"""Who asks: the name of a key and what it may do."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Visitor:
    """The holder of a key, or nobody (no name, no scope)."""

    name: str | None
    scopes: frozenset[str]
    key: str | None = field(default=None, compare=False)
    """Stands for the key in logs and limits; tells nothing of its secret."""

    def may(self, scope: str) -> bool:
        """Whether the scope is held; admin holds all."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def full(self) -> bool:
        """Whether restricted records are shown."""
        return self.may("read:restricted")

    @property
    def author(self) -> str:
        """The name that revisions carry."""
        return self.name or "nobody"


NOBODY = Visitor(None, frozenset())
