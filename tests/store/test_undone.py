"""The contract of ``undone``, by the SQLite store."""

from __future__ import annotations

from tests.store.contract.undone import UndoneContract


class TestUndone(UndoneContract):
    pass
