"""A process of its own that asks for one page several times: ``python -m tests.fakes.asker URL FOLDER TIMES PACE``."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from digestbot.sources.client import Client, Lane


async def ask(url: str, folder: str, times: str, pace: str) -> None:
    lane = Lane(name="shared", seconds=float(pace))
    client = Client(folder=Path(folder), clock=lambda: datetime.now(UTC))
    for _ in range(int(times)):
        await client.read(url, bytes, lane=lane)


if __name__ == "__main__":
    asyncio.run(ask(*sys.argv[1:]))
