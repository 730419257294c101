"""What a higher app does when a consent ended, and how it calls recipients: lists filled in `ready()` (DESIGN 1)."""

from collections.abc import Callable

from consent.enums import EventKind
from consent.models import ConsentEvent

# by whose act a consent ends; the end of a term is told by the feed and needs no letter to anybody
ENDED = (EventKind.WITHDRAWN, EventKind.REVOKED, EventKind.INVALIDATED)
# called in the ledger's own transaction when a person's consent was withdrawn, ended by us or found invalid
on_ended: list[Callable[[ConsentEvent], None]] = []
# {code of a recipient: its title in the reader's language}
titles_of_recipients: list[Callable[[], dict[str, str]]] = []


def tell_ended(event: ConsentEvent) -> None:
    """Tell higher apps, when the event ends the consent of a known person."""
    if event.kind in ENDED and event.subject_id is not None:
        for handler in on_ended:
            handler(event)
