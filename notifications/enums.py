from django.db import models
from django.utils.translation import pgettext_lazy


class LetterState(models.TextChoices):
    QUEUED = "queued", pgettext_lazy("letter", "queued")
    SENDING = "sending", pgettext_lazy("letter", "being sent")
    SENT = "sent", pgettext_lazy("letter", "sent")
    DEFERRED = "deferred", pgettext_lazy("letter", "deferred")
    FAILED = "failed", pgettext_lazy("letter", "failed")
    UNCERTAIN = "uncertain", pgettext_lazy("letter", "uncertain")
    SKIPPED = "skipped", pgettext_lazy("letter", "skipped")


TERMINAL = (LetterState.SENT, LetterState.FAILED, LetterState.UNCERTAIN, LetterState.SKIPPED)


class SkipReason(models.TextChoices):
    NO_ADDRESS = "no_address", pgettext_lazy("letter", "no e-mail")
    STANDING = "standing", pgettext_lazy("letter", "not reachable any more when it was due")
    CANCELLED = "cancelled", pgettext_lazy("letter", "the campaign was cancelled")
    OUTDATED = "outdated", pgettext_lazy("letter", "what it was about is no longer so")


class Delivery(models.TextChoices):
    """What happened to a letter; each is a row of its own."""

    SENT = "sent", pgettext_lazy("delivery", "accepted by the mail server")
    DEFERRED = "deferred", pgettext_lazy("delivery", "put off by the mail server")
    FAILED = "failed", pgettext_lazy("delivery", "refused by the mail server")
    UNCERTAIN = "uncertain", pgettext_lazy("delivery", "connection lost before the answer")
    SKIPPED = "skipped", pgettext_lazy("delivery", "not sent")
    BOUNCED = "bounced", pgettext_lazy("delivery", "returned")
    NOT_MINE = "not_mine", pgettext_lazy("delivery", "the reader said it is not theirs")
    REQUEUED = "requeued", pgettext_lazy("delivery", "queued again by an officer")


class CampaignState(models.TextChoices):
    RUNNING = "running", pgettext_lazy("campaign", "running")
    PAUSED = "paused", pgettext_lazy("campaign", "paused")
    CANCELLED = "cancelled", pgettext_lazy("campaign", "cancelled")
    FINISHED = "finished", pgettext_lazy("campaign", "finished")


class Priority(models.IntegerChoices):
    """Lower is sooner: a sign-in code never waits behind a campaign."""

    CODE = 0, pgettext_lazy("letter", "sign-in code")
    ORDINARY = 5, pgettext_lazy("letter", "ordinary")
    CAMPAIGN = 9, pgettext_lazy("letter", "campaign")
