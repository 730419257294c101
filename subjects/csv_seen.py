"""Whether two rows of a file name the same person, in memory that two million rows fit into."""

from array import array
from typing import Protocol


class Named(Protocol):
    """What a row of people is known by."""

    client_number: str
    iin: str


def unique(row: Named) -> tuple[tuple[str, str], ...]:
    """What no two rows of a file share."""
    return ("client_number", row.client_number.casefold()), ("iin", row.iin)


class Seen:
    """Whether values stand in the file twice, by their hashes: 8 bytes each, and not a dictionary of two million."""

    PARTS = 256

    def __init__(self) -> None:
        self.parts = [array("q") for _ in range(self.PARTS)]

    def add(self, row: Named) -> None:
        for key in unique(row):
            if key[1]:
                hashed = hash(key)
                self.parts[hashed % self.PARTS].append(hashed)

    def doubled(self) -> set[int]:
        """Hashes that were added more than once."""
        found = set()
        for part in self.parts:
            once: set[int] = set()
            if len(set(part)) < len(part):
                found |= {hashed for hashed in part if hashed in once or once.add(hashed)}
        return found
