"""The officers' pages of transfers."""

from transfers.admin import aftermath, batches, demands, processing, reconciliations, register, transfers

__all__ = ["aftermath", "batches", "demands", "processing", "reconciliations", "register", "transfers"]
