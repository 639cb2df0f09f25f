"""The contract of suppressions and bounces, by the SQLite store."""

from __future__ import annotations

from tests.store.contract.suppressions import BouncesContract, SuppressionsContract


class TestSuppressions(SuppressionsContract):
    pass


class TestBounces(BouncesContract):
    pass
