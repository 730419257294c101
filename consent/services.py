"""Serving a notice and taking the answer. Neither answer is a condition of anything (policy 6, 9.2; 94-V art. 8)."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from consent.models import Acknowledgement, Answer, NoticeServed
from consent.notice import Notice
from policies.models import PolicyVersion
from subjects.models import DataSubject


class Superseded(ValidationError):
    """The version changed while the person was reading: they are shown the new one (409)."""


def serve(*, subject: DataSubject, notice: Notice) -> NoticeServed:
    """Record that the person was shown exactly this; the same words shown again are the same row."""
    served, _new = NoticeServed.objects.get_or_create(
        subject=subject, version=notice.version, language=notice.language, sha256=notice.sha256
    )
    return served


@transaction.atomic
def answer(*, subject: DataSubject, code: str, served_id: int, expected_version: int, answer: str) -> Acknowledgement:
    """Record the person's answer to what they were served; the same answer to a version twice is one.

    code: of the policy. served_id: the notice the page showed, which must be this person's own. expected_version: the
    number the page showed. Raises NoticeServed.DoesNotExist for a notice that is not this person's or not of this
    policy, Superseded when a newer version is published.
    """
    served = NoticeServed.objects.select_related("version").get(
        pk=served_id, subject=subject, version__policy__code=code
    )
    version = served.version
    newest = PolicyVersion.objects.published().filter(policy=version.policy_id).order_by("-number").first()
    if newest is None or newest.pk != version.pk or version.number != expected_version:
        raise Superseded(_("A newer version was published while you were reading. Here is what it changes."))
    given, _new = Acknowledgement.objects.get_or_create(
        subject=subject,
        version=version,
        answer=Answer(answer).value,
        defaults={"served": served, "language": served.language, "sha256": served.sha256},
    )
    return given
