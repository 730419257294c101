"""What a higher app tells the outbox of its letters: plain registration in `AppConfig.ready()`, no imports upward."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from django.utils.functional import Promise

if TYPE_CHECKING:
    from notifications.models import Letter


# in the cause of a letter that an officer sent to themselves to see it
TEST = ".test."


def _nothing(_letters: list["Letter"]) -> dict[int, dict[str, str]]:
    return {}


def _always(_cause: str) -> bool:
    return True


class LetterKind(NamedTuple):
    """What the sender must know of a kind of letter; its texts are `templates/letters/<kind>/`.

    context: (cause, language) → context of the templates, the same for everybody told of that cause
    is_current: cause → whether telling it still makes sense; asked before every chunk
    personal: letters → {letter id: {placeholder: value}}; what differs from person to person (a code).
        It runs at sending, inside the transaction that claimed the letters.
    notice: a notice, which some standings stop; a sign-in code is none
    addresses: letters → {letter id: address}, for letters that do not go to the addressee's own address: to the one
        they had until it was changed
    title: what officers call it
    says: what the person reads of it behind the door; the letter itself says no more than that it waits there
    """

    kind: str
    context: Callable[[str, str], dict]
    is_current: Callable[[str], bool] = _always
    personal: Callable[[list["Letter"]], dict[int, dict[str, str]]] = _nothing
    notice: bool = True
    title: Promise | str = ""
    addresses: Callable[[list["Letter"]], dict[int, str]] | None = None
    says: Promise | str = ""


KINDS: dict[str, LetterKind] = {}


def register(kind: LetterKind) -> None:
    """Make a kind of letter known; a second registration of the same kind is a mistake."""
    if kind.kind in KINDS:
        raise ValueError(f"Letter kind {kind.kind!r} is registered twice.")
    KINDS[kind.kind] = kind


def title_of(kind: str) -> str:
    """What officers call this kind of letter; its code when it has no other name or is not known any more."""
    return str(KINDS[kind].title or kind) if kind in KINDS else kind
