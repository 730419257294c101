"""What a file that people hand in may be: by its content, never by its name (security.md)."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MOST_BYTES = 10 * 1024 * 1024
# {media type: how its content begins and ends}
TYPES = {
    "application/pdf": (re.compile(rb"%PDF-\d\.\d"), re.compile(rb"%%EOF\s*\Z")),
    "image/jpeg": (re.compile(rb"\xff\xd8\xff"), re.compile(rb"\xff\xd9\x00*\Z")),
    "image/png": (re.compile(rb"\x89PNG\r\n\x1a\n"), re.compile(rb"IEND\xaeB`\x82\Z")),
}
ENDINGS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}
_ENCRYPTED = re.compile(rb"/Encrypt\s*(\d+\s+\d+\s+R|<<)")
_ACTIVE = re.compile(rb"/(JavaScript|Launch|EmbeddedFile)\b")


def media_type(content: bytes) -> str:
    """What a file is, by its content. Raises ValidationError, naming the fault and how to mend it."""
    if len(content) > MOST_BYTES:
        raise ValidationError(_("The file is over 10 MB. Scan it in grey at 200 dots per inch."))
    name = next((name for name, (begins, _ends) in TYPES.items() if begins.match(content)), "")
    if not name:
        raise ValidationError(_("This is no PDF, JPEG or PNG, whatever its name says. Scan the paper again."))
    if not TYPES[name][1].search(content[-1024:]):
        raise ValidationError(_("The file is not whole: its end is missing. Scan the paper again."))
    if name == "application/pdf":
        if _ENCRYPTED.search(content):
            raise ValidationError(_("The PDF is locked with a password. Save it without one."))
        if _ACTIVE.search(content):
            raise ValidationError(_("The PDF holds programs or other files. Scan the paper itself."))
    return name
