"""Serving a notice and taking the answer. Neither answer is a condition of anything (policy 6, 9.2; 94-V art. 8)."""

import hashlib

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from consent.models import Acknowledgement, Answer, NoticeServed
from policies.models import PolicyVersion
from subjects.models import DataSubject


class Superseded(ValidationError):
    """The version changed while the person was reading: they are shown the new one (409)."""


def digest_of(text: str) -> str:
    """SHA-256, in hex, of exactly the text that stood on the page (UTF-8)."""
    return hashlib.sha256(text.encode()).hexdigest()


def serve(*, subject: DataSubject, version: PolicyVersion, language: str, shown: str) -> NoticeServed:
    """Record that the person was shown `shown` about `version` in `language`; the same showing is recorded once."""
    sha256 = digest_of(shown)
    served = NoticeServed.objects.filter(subject=subject, version=version, language=language, sha256=sha256).first()
    return served or NoticeServed.objects.create(subject=subject, version=version, language=language, sha256=sha256)


@transaction.atomic
def answer(*, subject: DataSubject, served_id: int, expected_version: int, answer: str) -> Acknowledgement:
    """Record the person's answer to what they were served; the same answer twice is one.

    served_id: the notice the page showed, which must be this person's own. expected_version: the number the page
    showed. Raises NoticeServed.DoesNotExist for somebody else's notice, Superseded when a newer version is published.
    """
    served = NoticeServed.objects.select_related("version__policy").get(pk=served_id, subject=subject)
    version = served.version
    newest = PolicyVersion.objects.published().filter(policy=version.policy_id).order_by("-number").first()
    if newest is None or newest.pk != version.pk or version.number != expected_version:
        raise Superseded(_("A newer version was published while you were reading. Here is what it changes."))
    answer = Answer(answer).value
    given = Acknowledgement.objects.filter(served=served, answer=answer).first()
    return given or Acknowledgement.objects.create(
        subject=subject,
        version=version,
        served=served,
        answer=answer,
        language=served.language,
        sha256=served.sha256,
    )
