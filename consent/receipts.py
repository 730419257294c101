"""Receipts of consents (ISO/IEC TS 27560 with W3C DPV terms): what a court can check without us (94-V art. 8).

A receipt is made of stored facts alone, each as it stood when the event was recorded, so the same event gives the same
bytes whenever it is asked for. No clock, no translation and no setting goes into it. Whoever changes this shape or
these tables changes receipts people hold already: give the new shape its own schema and keep this one for older events.
"""

import json
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from simple_history.utils import get_history_manager_for_model

from audit.models import AccessRecord
from consent import signing
from consent.dpv import BASIS, CONTEXT, KIND, SCHEMA, STATUS
from consent.enums import Channel, EventKind, Ground, Trust
from consent.form_text import FormText, compose, operator_at, recompose
from consent.models import ConsentEvent, ConsentForm, FormItem, ItemKind, Purpose
from consent.signing import written
from staff.models import StaffUser
from staff.rules import check_has_accepted_undertaking
from subjects.models import Application, Contract, DataCategory, DataSubject

log = structlog.get_logger("kelisim.receipts")

UNKNOWN_LANGUAGE = "und"
CONSENTING = (EventKind.GIVEN, EventKind.RENEWED)
# what the person themselves said; the rest the clock or the organisation did
SAID = (*CONSENTING, EventKind.REFUSED, EventKind.WITHDRAWN, EventKind.WITHDRAWAL_DEFERRED)
# somebody else's word for what the person said
TOLD = (Channel.API, Channel.IMPORTED, Channel.SYSTEM)


class Unprovable(ValidationError):
    """The text that was shown cannot be made again: something stored was changed, and no receipt is made up for it."""


def events_with_receipts() -> models.QuerySet[ConsentEvent]:
    """The events a receipt can be had of, in their order, with what a receipt is made of."""
    rows = ConsentEvent.objects.filter(kind__in=STATUS).order_by("occurred_at", "pk")
    return rows.select_related(
        "subject", "form", "version__form", "policy_version__policy", "about", "scan",
        "served__subject", "served__version__form",
    ).defer("scan__sealed", "sealed_evidence", "about__sealed_evidence")  # fmt: skip


def receipt(event: ConsentEvent) -> dict[str, Any]:
    """The signed receipt of an event of `events_with_receipts`. Raises Unprovable, signing.NoKey."""
    return signing.signed(_content(event), recorded_at=event.at)


@transaction.atomic
def hand_to_officer(*, event: ConsentEvent, by: StaffUser, reason: str) -> dict[str, Any]:
    """The receipt for an officer who says why; the record stands before it leaves (policy 5.5). reason: a code.

    Raises PermissionDenied without the right or the undertaking (policy 4.3), and as `receipt`.
    """
    if not by.has_perm("consent.view_consentevent"):
        raise PermissionDenied(_("Your role does not read consents."))
    check_has_accepted_undertaking(by)
    reference = str(event.subject or "")
    AccessRecord.objects.create(
        door=AccessRecord.Door.REVEAL, reference=reference, category="consent.receipt", reason=reason
    )
    return receipt(event)


def as_file(content: dict[str, Any]) -> str:
    """A receipt, or the keys, as a file: a person can read it; verifying does not mind how it is laid out."""
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def file_name(event: ConsentEvent, ending: str) -> str:
    """`C1-given-20261123-3f2a….json`: tells receipts apart and names nobody."""
    return f"{event.form.code}-{event.kind}-{timezone.localtime(event.occurred_at):%Y%m%d}-{event.public_id}.{ending}"


def _as_of(rows: Iterable[models.Model], at: datetime) -> dict[int, Any]:
    """{id: the row as it stood at the moment `at`}, by its history; all of one model."""
    live = {row.pk: row for row in rows}
    if not live:
        return {}
    manager = get_history_manager_for_model(type(next(iter(live.values()))))
    past = manager.filter(id__in=live, history_date__lte=at).order_by("id", "-history_date", "-history_id")
    return live | {row.id: row for row in past.distinct("id")}


def _one(row: models.Model, at: datetime) -> Any:
    return _as_of([row], at)[row.pk]


def text_shown(event: ConsentEvent) -> FormText | None:
    """The text the act was about, made again from what is stored; None where none was shown or it is not known.

    Raises Unprovable when it is not the one whose digest was recorded.
    """
    if not event.sha256:
        return None
    text = recompose(event)
    if text is None and event.version:
        # typed from paper: composed when it was typed, which for a confirmed one is the event it is about
        typed = event.about if event.about and event.about.kind == EventKind.PENDING_CONFIRMATION else event
        form = _one(event.version.form, typed.at)
        text = compose(
            event.version,
            wanted=event.language,
            reference=str(event.subject or ""),
            operator=operator_at(typed.at),
            title=getattr(form, f"title_{event.language}") or form.title_ru,
        )
    if text is None or text.sha256 != event.sha256:
        log.error("text_shown_is_lost", consent_event=event.pk)
        raise Unprovable(
            _("The text that was shown cannot be made again from what is stored, so there is no receipt. Tell us.")
        )
    return text


def _notice(event: ConsentEvent, language: str) -> dict[str, Any]:
    text, version, policy = text_shown(event), event.version, event.policy_version
    form = _one(event.form, event.at)
    return {
        "form": form.code,
        "form_title": getattr(form, f"title_{language}", "") or form.title_ru,
        "version": version.number if version else None,
        "title": text.title if text else None,
        "text": text.text if text else None,
        # of title, an empty line and text, in UTF-8
        "sha256": event.sha256 or None,
        "shown_time": written(event.served.at) if event.served else None,
        "policy": _one(policy.policy, event.at).code if policy else None,
        "policy_version": policy.number if policy else None,
    }


def _items(event: ConsentEvent, language: str) -> list[FormItem]:
    """What the form names in the language the person saw: what it does not name there is not in the consent."""
    if event.version is None or language == UNKNOWN_LANGUAGE:
        return []
    items = event.version.items.select_related("purpose", "category").order_by("kind", "order", "pk")
    return [item for item in items if item.text(language)]


def _purposes(event: ConsentEvent, items: list[FormItem], language: str) -> list[dict[str, Any]]:
    named = [item for item in items if item.kind == ItemKind.PURPOSE]
    rows: dict[int, Purpose] = _as_of([item.purpose for item in named if item.purpose], event.at)
    return [
        {
            "purpose": item.text(language),
            "purpose_code": row.code,
            "purpose_type": row.dpv_term.split(),
            "lawful_basis": {"ground": row.ground, "type": BASIS.get(Ground(row.ground)), "article": row.article},
            "required_for_the_loan": row.required,
        }
        for item in named
        if (row := rows[item.purpose_id or 0])
    ]


def _categories(event: ConsentEvent, items: list[FormItem], language: str) -> list[dict[str, Any]]:
    named = [item for item in items if item.kind == ItemKind.CATEGORY]
    rows: dict[int, DataCategory] = _as_of([item.category for item in named if item.category], event.at)
    return [
        {
            "pii_name": item.text(language),
            "pii_attribute_id": row.code,
            "pii_type": KIND.get(row.code, "dpv:PersonalData"),
            "biometric": row.biometric,
        }
        for item in named
        if (row := rows[item.category_id or 0])
    ]


def _scope(event: ConsentEvent) -> dict[str, str] | None:
    """What this one consent is about, under the number the person knows it by."""
    kind, _colon, key = event.scope.partition(":")
    numbered: dict[str, type[Contract] | type[Application]] = {"contract": Contract, "application": Application}
    if kind in numbered and key.isdecimal() and (row := numbered[kind].objects.filter(pk=key).first()):
        key = _one(row, event.at).number
    return {"kind": kind, "number": key} if kind else None


def _withdrawal(event: ConsentEvent) -> dict[str, Any]:
    form: ConsentForm = _one(event.form, event.at)
    return {
        "type": "dpv:WithdrawConsent",
        "in_effect": form.withdrawal,
        "by": ["cabinet", "paper", "call"],
        "at": "operator",
    }


def _operator(event: ConsentEvent, language: str) -> dict[str, Any]:
    operator = operator_at(event.at)
    if operator is None:
        raise Unprovable(_("The operator's name and BIN are not filled in, so there is nobody to give a receipt."))
    read = "ru" if language == UNKNOWN_LANGUAGE else language
    return {
        "party_id": "operator",
        "party_type": "dpv:DataController",
        "party_name": operator.name(read),
        "party_bin": operator.bin,
        "party_address": getattr(operator, f"address_{read}") or operator.address_ru,
        "party_contact": [contact for contact in (operator.email, operator.phone) if contact],
    }


def _validity(event: ConsentEvent) -> dict[str, str]:
    """How long what was said stands."""
    if event.valid_until:
        return {"type": "dpv:UntilTimeDuration", "until": written(event.valid_until)}
    until = "purposes_reached_or_withdrawn" if event.kind in CONSENTING else "another_answer"
    return {"type": "dpv:UntilEventDuration", "until": until}


def _who(event: ConsentEvent) -> str:
    if event.kind not in SAID:
        return "operator"
    return "representative" if event.trust == Trust.REPRESENTATIVE_CODE else "pii_principal"


def _event(event: ConsentEvent) -> dict[str, Any]:
    contracts = _as_of(Contract.objects.filter(pk__in=event.blocking), event.at)
    return {
        "kind": event.kind,
        "event_state": STATUS[EventKind(event.kind)],
        "event_type": "dpv:ExpressedConsent" if event.channel in TOLD else "dpv:ExplicitlyExpressedConsent",
        "event_time": written(event.occurred_at),
        "recorded_time": written(event.at),
        "entity_id": _who(event),
        "validity_duration": _validity(event),
        "channel": event.channel,
        "trust": event.trust,
        "reason": event.reason or None,
        # an officer, a system, the person: who of them is in our records
        "recorded_by": event.actor.partition(":")[0],
        "follows": str(event.about.public_id) if event.about else None,
        "blocking_contracts": [contracts[pk].number for pk in sorted(event.blocking) if pk in contracts],
        "scan_sha256": event.scan.sha256 if event.scan else None,
    }


def _content(event: ConsentEvent) -> dict[str, Any]:
    subject: DataSubject | None = event.subject
    # the record is the whole history of one consent: of a person, a form and what it is about
    device = bytes(event.device_digest or b"").hex()
    namespace = subject.public_id if subject else uuid.uuid5(uuid.NAMESPACE_OID, device)
    language = event.language or UNKNOWN_LANGUAGE
    items, version = _items(event, language), event.version
    return {
        "@context": CONTEXT,
        "@type": "dpv:ConsentReceipt",
        "schema_version": SCHEMA,
        "receipt_id": str(event.public_id),
        "record_id": str(uuid.uuid5(namespace, f"{event.form_id} {event.scope}")),
        "pii_principal_id": str(subject.public_id) if subject else f"device:{device}",
        "pii_processing": {
            "privacy_notice": _notice(event, language),
            "language": language,
            "purposes": _purposes(event, items, language),
            "pii_information": _categories(event, items, language),
            "pii_controllers": ["operator"],
            "service": _scope(event),
            # 94-V art. 12(2): the database is in Kazakhstan
            "storage_locations": ["KZ"],
            "jurisdiction": "KZ",
            "retention_period": {
                "duration": (version and version.term) or None,
                "until_purposes_reached": bool(version and version.until_purposes_reached),
            },
            "recipient_third_parties": [
                {"party_name": item.text(language), "recipient_kind": item.recipient_kind}
                for item in items
                if item.kind == ItemKind.RECIPIENT
            ],
            "transfer_to_third_parties": version.to_third_parties if version else None,
            "cross_border_transfer": version.cross_border if version else None,
            "public_distribution": version.public_distribution if version else None,
            "withdrawal_method": _withdrawal(event),
        },
        "party_identification": [_operator(event, language)],
        "event": _event(event),
    }
