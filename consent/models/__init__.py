"""Why we may: purposes and grounds, forms, what people said, how long we keep (DESIGN 5)."""

from consent.models.events import ConsentEvent, ConsentState, FormServed, Scan
from consent.models.feed import Change, ChangeKind, Covers, Subscriber
from consent.models.forms import ConsentForm, ConsentFormVersion, FormItem, ItemKind
from consent.models.imports import ConsentImport
from consent.models.notices import Acknowledgement, Answer, NoticeServed
from consent.models.objections import Objection
from consent.models.purposes import SAID, Purpose, PurposeEdition
from consent.models.receipts import ReceiptKey
from consent.models.register import ClauseLink, DataList, DataListEntry, PurposeCategory, RetentionRule

__all__ = [
    "SAID",
    "Acknowledgement",
    "Answer",
    "Change",
    "ChangeKind",
    "ClauseLink",
    "ConsentEvent",
    "ConsentForm",
    "ConsentFormVersion",
    "ConsentImport",
    "ConsentState",
    "Covers",
    "DataList",
    "DataListEntry",
    "FormItem",
    "FormServed",
    "ItemKind",
    "NoticeServed",
    "Objection",
    "Purpose",
    "PurposeCategory",
    "PurposeEdition",
    "ReceiptKey",
    "RetentionRule",
    "Scan",
    "Subscriber",
]
