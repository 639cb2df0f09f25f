"""Which deliveries count as sent. What may have arrived does, even while it waits to go out once more."""

from __future__ import annotations

COUNTS_AS_SENT = "(state in ('sent', 'sending', 'held') or uncertain and state in ('pending', 'deferred', 'failed'))"
