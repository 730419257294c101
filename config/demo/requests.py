"""What the demo's customers ask: every kind in every state, one due today, one overdue, one by a representative, one of
somebody nobody knows; each step by whoever would do it."""

from datetime import datetime, timedelta

from django.utils import timezone, translation

from audit.actor import acting_as
from staff import opening
from staff.models import StaffUser
from subjects import (
    calendar_days,
    clock,
    deadlines,
    decisions,
    relations,
    request_answers,
    request_files,
    request_targets,
)
from subjects import request_rules as rules
from subjects import request_services as services
from subjects.clock_models import DutyRule, PauseReason
from subjects.enums import Standing
from subjects.models import DataCategory, DataSubject, SourceSystem
from subjects.requests import Closing, Refusal, RequestChannel, RequestKind, RequestState, SubjectRequest

# the customers they are of, by their place among the ordinary ones; those before are other parts' of the demo
FIRST = 110
SYSTEMS = [
    ("loans", "Микрокредиттер жүйесі", "Система микрокредитов", "Loan system", "Кредит басқармасы"),
    ("site", "Сайт", "Сайт", "Site", "Ақпараттық технологиялар басқармасы"),
]
PAPER = b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
TEXTS = {
    "kk": "Өтінішімді заңда белгіленген мерзімде қарауыңызды сұраймын.",
    "ru": "Прошу рассмотреть моё обращение в установленный законом срок.",
    "en": "Please consider my request within the term the law sets.",
}
REFUSALS = {
    RequestKind.DESTROY: Refusal.CONTRACT,
    RequestKind.COMPLAINT: Refusal.UNFOUNDED,
    RequestKind.ACCESS: Refusal.INFORMED,
    RequestKind.CORRECT: Refusal.INFORMATION,
}
CHANNELS = (RequestChannel.CABINET, RequestChannel.OFFICE, RequestChannel.POST, RequestChannel.EMAIL)


def load(*, officer: StaffUser, dpo: StaffUser) -> None:
    """All of it, once."""
    if SubjectRequest.objects.exists():
        return
    Desk(officer, dpo).fill()


def received_for(code: str, *, days: int) -> datetime:
    """A moment whose term of this rule ends so many working days from today; 0 is today, below 0 is past."""
    now, calendar = timezone.now(), calendar_days.days()
    at = timezone.localtime(now).replace(hour=10, minute=0, second=0, microsecond=0)
    for back in range(40):
        earlier = at - timedelta(days=back)
        due = clock.due(deadlines.rule(code, at=earlier), earlier, days=calendar)
        if earlier <= now and deadlines.working_days_left(due, today=timezone.localdate(), days=calendar) <= days:
            return earlier
    return at - timedelta(days=40)


class Desk:
    """The officer and the responsible person at work on what customers ask."""

    def __init__(self, officer: StaffUser, dpo: StaffUser) -> None:
        self.officer, self.dpo = officer, dpo
        self.people = list(DataSubject.objects.filter(standing=Standing.ORDINARY).order_by("pk")[FIRST:])
        self.next = 0

    def fill(self) -> None:
        """Every kind in every state, then what is special."""
        with acting_as(f"officer:{self.officer.pk}"):
            for code, kk, ru, en, unit in SYSTEMS:
                SourceSystem.objects.get_or_create(
                    code=code, defaults={"title_kk": kk, "title_ru": ru, "title_en": en, "unit": unit}
                )
        self.let_clocks_pause()
        for kind in RequestKind.values:
            for place, state in enumerate(RequestState.values):
                self.bring(self.ask(kind, channel=CHANNELS[place % len(CHANNELS)]), state)
        self.by_the_clock()
        self.special()

    def person(self) -> DataSubject:
        self.next += 1
        return self.people[(self.next - 1) % len(self.people)]

    def let_clocks_pause(self) -> None:
        """The terms may wait for what is asked of the person: proposed by one, approved by another."""
        for code in sorted(set(rules.RULE_OF.values())):
            rule = DutyRule.objects.in_force().get(code=code)
            fields = ("code", "title_kk", "title_ru", "title_en", "article", "amount", "unit", "trigger")
            row = DutyRule(**{name: getattr(rule, name) for name in fields})
            row.may_pause_for = [PauseReason.IDENTITY, PauseReason.AUTHORITY, PauseReason.UNCLEAR]
            with acting_as(f"officer:{self.officer.pk}"):
                proposed = opening.propose(row, by=self.officer)
            with acting_as(f"officer:{self.dpo.pk}"):
                opening.approve(proposed, by=self.dpo)

    def ask(
        self, *kinds: str, channel: str = RequestChannel.CABINET, person: DataSubject | None = None, **given: object
    ) -> SubjectRequest:
        """The request as it comes in: by the person in the cabinet, else written down by the officer."""
        person = person or self.person()
        about: dict[str, object] = {}
        if "object" in kinds:
            about["target"] = "marketing"
        if "correct" in kinds:
            about |= {"category": DataCategory.objects.get(code="employer"), "value": "«Айқын» ЖШС"}
        if "human_review" in kinds:
            with acting_as("job:demo"):
                decisions.tell(
                    subject=person, client="loans", number=f"D-{person.pk}", kind="credit", outcome="refused",
                    occurred_at=timezone.now() - timedelta(days=2), categories=["salary_amount"],
                )  # fmt: skip
        told = {
            "subject": person, "kinds": kinds, "channel": channel, "language": person.language,
            "text": TEXTS[person.language], **about, **given,
        }  # fmt: skip
        if channel == RequestChannel.CABINET:
            with acting_as(f"subject:{person.public_id}"):
                row = services.register(**told)
                if "correct" in kinds:
                    request_files.attach(request=row, kind="evidence", content=PAPER)
                return row
        with acting_as(f"officer:{self.officer.pk}"):
            row = services.register(by=self.officer, **told)
            return services.identify(request=row, identity="document", by=self.officer)

    def bring(self, row: SubjectRequest, state: str) -> SubjectRequest:
        """Take a request to a state, step by step."""
        by, kind = self.officer, row.kinds[0]
        if state == RequestState.INITIATED:
            return row
        with acting_as(f"officer:{by.pk}"):
            if state == RequestState.UNFULFILLED:
                return services.close(request=row, by=by, reason=Closing.TAKEN_BACK)
            row = services.take_up(request=row, by=by)
            if state == RequestState.REQUIRES_ACTION:
                return services.pause(request=row, reason=PauseReason.UNCLEAR, by=by)
            if state == RequestState.REJECTED:
                row = services.decide(request=row, by=by, refusal=REFUSALS.get(kind, Refusal.LEGAL_OBLIGATION))
            elif state != RequestState.ACKNOWLEDGED:
                row = services.decide(request=row, by=by)
        if row.waits_for_second:
            with acting_as(f"officer:{self.dpo.pk}"):
                row = services.approve(request=row, by=self.dpo)
        if state == RequestState.FULFILLED:
            with acting_as(f"officer:{by.pk}"):
                self.answer(row)
        return row

    def answer(self, row: SubjectRequest) -> None:
        for decision in request_targets.to_look_at_again(row).filter(reviewed_at=None):
            decisions.review(decision=decision, outcome="upheld", by=self.officer)
        for item in row.items.filter(done_at=None):
            services.finish_item(item=item, by=self.officer, comment="Орындалды")
        services.answer(request=row, by=self.officer, text=request_answers.proposed(row))

    def by_the_clock(self) -> None:
        """One due today, one overdue; proposals that wait for the responsible person; one granted in part."""
        for days, kinds in ((0, ("access", "confirm")), (-3, ("access", "withdraw"))):
            row = self.ask(*kinds, channel=RequestChannel.POST, received_at=received_for("ACCESS", days=days))
            self.bring(row, RequestState.ACKNOWLEDGED)
        row = self.ask("destroy")
        with acting_as(f"officer:{self.officer.pk}"):
            services.take_up(request=row, by=self.officer)
            services.note(request=row, text="Ашық шарты жоқ, сотқа дейінгі талап та жоқ.", by=self.officer)
            services.decide(request=row, by=self.officer)
        for approved in (True, False):
            self.decide_apart(approved=approved)

    def decide_apart(self, *, approved: bool) -> None:
        """What do you hold, and destroy it: the one is granted, the other refused while the contract runs."""
        row = self.ask("access", "destroy")
        with acting_as(f"officer:{self.officer.pk}"):
            services.take_up(request=row, by=self.officer)
            row = services.decide(request=row, by=self.officer, refusals={"destroy": Refusal.CONTRACT})
        if approved:
            with acting_as(f"officer:{self.dpo.pk}"):
                row = services.approve(request=row, by=self.dpo)
            with acting_as(f"officer:{self.officer.pk}"):
                self.answer(row)

    def special(self) -> None:
        """By a representative; of somebody unknown, open and answered; a repeated one; one nobody may know of."""
        officer = self.officer
        person, friend = self.person(), self.person()
        with acting_as(f"officer:{officer.pk}"):
            who = relations.authorise(
                subject=person, representative=friend, basis="power_of_attorney", acts=["ask", "know", "receive"],
                document_kind="power_of_attorney", last_four="0042", by=officer,
                valid_until=timezone.localdate() + timedelta(days=300),
            )  # fmt: skip
        self.ask("access", person=person, channel=RequestChannel.OFFICE, representative=who)
        first = self.ask("complaint")
        again = self.ask("complaint", person=first.subject, channel=RequestChannel.POST)
        with acting_as(f"officer:{officer.pk}"), translation.override("ru"):
            services.close(request=again, by=officer, reason=Closing.REPEATS, duplicate_of=first)
            unknown = {"kinds": ["access"], "channel": RequestChannel.POST, "language": "ru", "by": officer}
            services.register(**unknown)
            row = services.register(**unknown)
            services.identify(request=row, identity="notary", by=officer)
            services.take_up(request=row, by=officer)
            services.decide(request=row, by=officer)
            services.answer(request=row, by=officer)
            row = services.register(
                subject=self.person(), kinds=["confirm"], channel=RequestChannel.AUTHORITY, language="ru", by=officer,
                disclosure="withheld",
            )  # fmt: skip
            services.identify(request=row, identity="authority", by=officer)
