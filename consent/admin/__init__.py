"""The officers' pages of this app, one file a feature; the admin looks for them here."""

from consent import feed_admin
from consent.admin import coverage, events, notices, receipts, register

__all__ = ["coverage", "events", "feed_admin", "notices", "receipts", "register"]
