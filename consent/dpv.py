"""What receipts call things: terms of the W3C Data Privacy Vocabulary (DPV 2), and the JSON-LD context for them.

Frozen: receipts are made anew from stored facts, and a changed table changes receipts that people hold already.
"""

from typing import Any

from consent.enums import EventKind, Ground

SCHEMA = "https://w3id.org/dpv/schema/dpv-27560#receipt-record"
# {what happened: DPV's status}; a question is no answer, and a paper nobody compared is no consent: no receipt of those
STATUS = {
    EventKind.GIVEN: "dpv:ConsentGiven",
    EventKind.RENEWED: "dpv:RenewedConsentGiven",
    EventKind.REFUSED: "dpv:ConsentRefused",
    EventKind.WITHDRAWN: "dpv:ConsentWithdrawn",
    # DPV has no word for it: withdrawn, and `blocking_contracts` says what holds the rest (94-V art. 8(2))
    EventKind.WITHDRAWAL_DEFERRED: "dpv:ConsentWithdrawn",
    EventKind.EXPIRED: "dpv:ConsentExpired",
    EventKind.REVOKED: "dpv:ConsentRevoked",
    EventKind.INVALIDATED: "dpv:ConsentInvalidated",
}
BASIS = {Ground.CONSENT: "dpv:Consent", Ground.LAW: "dpv:LegalObligation"}
# {category: DPV's kind of personal data}; others are personal data and nothing nearer
KIND = {
    "full_name": "pd:Name",
    "email": "pd:EmailAddress",
    "mobile_phone": "pd:TelephoneNumber",
    "contact_phones": "pd:TelephoneNumber",
    "addresses": "pd:PhysicalAddress",
    "bank_account": "pd:BankAccount",
    "identity_document": "pd:OfficialID",
    "iin": "pd:Identifier",
    "employer": "pd:CurrentEmployment",
    "salary_amount": "pd:Salary",
    "marital_status": "pd:MaritalStatus",
    "property_type": "pd:Ownership",
    "solvency_obligations": "pd:CreditWorthiness",
    "ip_address": "pd:IPAddress",
    "requested_page": "pd:BrowserHistory",
    "browser": "pd:DeviceSoftware",
}
_IRI = {"@type": "@id"}
# stands in the receipt itself, so that it is read without a network; what DPV has no term for is ours
CONTEXT: dict[str, Any] = {
    "@vocab": "urn:kelisim:receipt:",
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "fin": "https://w3id.org/dpv/sector/finance#",
    "dct": "http://purl.org/dc/terms/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "schema_version": {"@id": "dct:conformsTo", **_IRI},
    "receipt_id": "dct:identifier",
    "record_id": "dpv:hasIdentifier",
    "pii_principal_id": "dpv:hasDataSubject",
    "pii_processing": "dpv:hasProcess",
    "privacy_notice": "dpv:hasNotice",
    "language": "dct:language",
    "purposes": "dpv:hasPurpose",
    "purpose": "dct:title",
    "purpose_type": {"@id": "skos:broader", **_IRI},
    "lawful_basis": "dpv:hasLegalBasis",
    "type": {"@id": "dct:type", **_IRI},
    "pii_information": "dpv:hasPersonalData",
    "pii_type": {"@id": "skos:broader", **_IRI},
    "pii_controllers": "dpv:hasDataController",
    "storage_locations": "dpv:hasLocation",
    "retention_period": "dpv:hasDuration",
    "jurisdiction": "dpv:hasJurisdiction",
    "recipient_third_parties": "dpv:hasRecipient",
    "withdrawal_method": "dpv:hasConsentControl",
    "party_type": {"@id": "dct:type", **_IRI},
    "party_name": "dpv:hasName",
    "party_address": "dpv:hasAddress",
    "party_contact": "dpv:hasContact",
    "event_time": {"@id": "dpv:isIndicatedAtTime", "@type": "xsd:dateTime"},
    "recorded_time": {"@id": "dct:created", "@type": "xsd:dateTime"},
    "entity_id": "dpv:isIndicatedBy",
    "event_type": {"@id": "dct:type", **_IRI},
    "event_state": {"@id": "dpv:hasConsentStatus", **_IRI},
    "validity_duration": "dpv:hasDuration",
    "channel": "dpv:hasIndicationMethod",
}
