"""The officers' pages of this app, one file a feature; the admin looks for them here."""

from consent import feed_admin
from consent.admin import clauses, coverage, events, forms, imports, keeping, notices, purposes, receipts, register

__all__ = [
    "clauses",
    "coverage",
    "events",
    "feed_admin",
    "forms",
    "imports",
    "keeping",
    "notices",
    "purposes",
    "receipts",
    "register",
]
