"""Reading codes where they arrive: in the SMTP sink's letters and in the demo's telephone."""

import json
import re
from pathlib import Path

from django.conf import settings

from notifications.sms import channel
from subjects import tasks
from subjects.models import SignInCode


def sms_sent() -> list[dict]:
    """The SMS that left, oldest first."""
    folder: Path = channel().path
    assert str(settings.SMS_URL).startswith("file:")
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def sent_code(sink=None) -> str:
    """Have the newest code sent, and read it: from the newest SMS, or the newest letter in `sink`."""
    tasks.send_code(SignInCode.objects.exclude(channel="paper").latest("pk").pk)
    if sink is None:
        return re.search(r"\b\d{6}\b", sms_sent()[-1]["text"])[0]
    return re.search(r"\b\d{6}\b", sink.messages()[-1].get_body(("plain",)).get_content())[0]
