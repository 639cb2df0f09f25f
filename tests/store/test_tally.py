"""The contract of ``tally``, by the SQLite store."""

from __future__ import annotations

from tests.store.contract.tally import TallyContract


class TestTally(TallyContract):
    pass
