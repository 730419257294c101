"""When a person is asked to look at a policy, and what they may answer."""

from policies.enums import State
from policies.models import PolicyVersion
from subjects.models import DataSubject


def pending(subject: DataSubject) -> list[PolicyVersion]:
    """Published significant versions that the person has not answered and nothing replaced yet, oldest first.

    A version that will come into force later is among them: the person learns of it in advance (policy 9.2).
    """
    return list(
        PolicyVersion.objects.filter(state=State.PUBLISHED, significant=True, in_force_during__endswith=None)
        .exclude(acknowledgements__subject=subject)
        .select_related("policy")
        .order_by("published_at")
    )
