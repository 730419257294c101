"""Letters and campaigns for tests, of a kind that needs no policy."""

from factory import Sequence
from factory.django import DjangoModelFactory

from notifications.models import Campaign, Letter


class CampaignFactory(DjangoModelFactory):
    class Meta:
        model = Campaign

    kind = "sample"
    cause = Sequence(lambda n: f"tests.Sample:{n}#sample")


class LetterFactory(DjangoModelFactory):
    class Meta:
        model = Letter

    kind = "sample"
    cause = Sequence(lambda n: f"tests.Sample:{n}#sample")
    language = "kk"


def campaign_to(people, **kwargs) -> Campaign:
    """A campaign with one letter to each of these people."""
    campaign = CampaignFactory(**kwargs)
    for person in people:
        LetterFactory(subject=person, campaign=campaign, cause=campaign.cause, language=person.language, priority=9)
    return campaign
