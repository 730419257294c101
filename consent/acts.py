"""What an act on a consent is made of: whose it is, what was shown, how we know."""

from collections.abc import Mapping
from typing import NamedTuple

from consent.enums import Channel, Trust
from consent.form_text import FormText
from consent.models import FormServed, Scan
from subjects.models import DataSubject


class Owner(NamedTuple):
    """Whose consent it is: a person's, or a device's that nobody has signed in with (C12 only)."""

    subject: DataSubject | None = None
    device_digest: bytes | None = None


class Shown(NamedTuple):
    """A form as it was shown: the record of it and the text."""

    served: FormServed
    text: FormText


class Proof(NamedTuple):
    """How we know: channel, trust, and what is sealed with the person's evidence key."""

    channel: str
    trust: str
    sealed: Mapping[str, str] | None = None
    scan: Scan | None = None


# reasons of withdrawals that nobody said at that moment in that file
PERFORMED, KNOWN_TWICE = "obligation_performed", "known_twice"
CLOCK = Proof(Channel.SYSTEM, Trust.RULE)
