"""The officers' pages of transfers."""

from transfers.admin import aftermath, processing, register, transfers

__all__ = ["aftermath", "processing", "register", "transfers"]
