"""The officers' pages of transfers."""

from transfers.admin import register, transfers

__all__ = ["register", "transfers"]
