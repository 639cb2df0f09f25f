"""What goes out next: looked up in the outbox, written ahead, held back by the rates."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from digestbot.errors import DigestbotError, ExpiredError, StoreError
from digestbot.models import EVERYTHING, Claim, Delivery, DeliveryId, Share, SubscriberId, domain_of

# Whether there is something to write is looked at so often while there is nothing.
_LOOK_SECONDS = 0.02
# Whether a mail is too old is asked when it has waited for so long.
_FRESH = timedelta(hours=1)


class Outbox(Protocol):
    """Knows what waits."""

    def waiting(
        self,
        limit: int,
        now: datetime,
        *,
        only: SubscriberId | None = ...,
        without: Collection[DeliveryId] = ...,
        spared: Collection[str] = ...,
        share: Share = ...,
    ) -> list[Delivery]: ...


class Letters(Protocol):
    """Writes mails, and knows until when they are wanted."""

    def write(self, delivery: Delivery) -> bytes: ...
    def deadline(self, delivery: Delivery) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery with its bytes, or with the reason why there are none."""

    claim: Claim
    message: bytes = b""
    problem: DigestbotError | None = None

    @property
    def delivery(self) -> Delivery:
        return self.claim.delivery


class Upcoming:
    """The next mails of a run, ``many`` of them at a time; ``share`` is what to begin with.

    ``clock`` is the time that deliveries go by, ``moment`` the true one, which rates go by.
    """

    def __init__(
        self,
        outbox: Outbox,
        letters: Letters,
        *,
        many: int,
        clock: Callable[[], datetime],
        moment: Callable[[], datetime],
        only: SubscriberId | None = None,
        share: Share = EVERYTHING,
    ) -> None:
        self._outbox = outbox
        self._letters = letters
        self._many = many
        self._clock = clock
        self._moment = moment
        self._only = only
        self._share = share
        self._next: deque[Delivery] = deque()
        # Written ahead, or held back by the rates.
        self._written: list[Letter] = []
        # Looked at and not settled yet, so that no two connections take the same.
        self._taken: set[DeliveryId] = set()
        # Not for this run.
        self._left: set[DeliveryId] = set()
        # Until when no mail may go to a domain; the empty name stands for all of them.
        self._spared: dict[str, datetime] = {}

    def are_there(self) -> bool:
        """Return whether there is a mail that may go out now."""
        moment = self._moment()
        self._spared = {domain: until for domain, until in self._spared.items() if until > moment}
        if "" in self._spared:
            return False
        if not (self._next or self._at_hand()):
            self._look()
        return bool(self._next or self._at_hand())

    def take(self) -> Letter | None:
        """Return the next mail, written; ``None`` when another connection was faster."""
        if written := self._at_hand():
            self._written.remove(written)
            return written
        return self._write(self._next.popleft()) if self._next else None

    def put_back(self, letter: Letter) -> None:
        """Keep a mail that the rates hold back, unless many are kept already: it is found again."""
        if len(self._written) < self._many:
            self._written.append(letter)
        else:
            self.forget(letter.delivery)

    def forget(self, delivery: Delivery) -> None:
        """Let go of a mail that is settled, or another's."""
        self._taken.discard(delivery.id)

    def leave(self, delivery: Delivery) -> None:
        """Let go of a mail until the next run."""
        self._taken.discard(delivery.id)
        self._left.add(delivery.id)

    @property
    def are_in_hand(self) -> bool:
        """Whether there are mails that are not settled: one of them may come back."""
        return bool(self._taken)

    def hold_back(self, waits: Mapping[str, float]) -> None:
        """Hear for how many seconds the rates let no more through to which domains."""
        moment = self._moment()
        for domain, seconds in waits.items():
            self._spared[domain] = moment + timedelta(seconds=seconds)

    @property
    def held_back_for(self) -> float | None:
        """Seconds until the rates let more through, ``None`` when they hold nothing back."""
        if not self._spared:
            return None
        return max(0.01, (min(self._spared.values()) - self._moment()).total_seconds())

    async def write_ahead(self, is_over: Callable[[], bool]) -> None:
        """Write mails while the server thinks, one for each connection, so that none of them waits for its next one."""
        while not is_over():
            if len(self._written) < self._many and self._next:
                self._written.append(self._write(self._next.popleft()))
                if not self._next:
                    self._look()
                await asyncio.sleep(0)
            else:
                await asyncio.sleep(_LOOK_SECONDS)

    def _at_hand(self) -> Letter | None:
        """Return the first of those written that the rates do not hold back."""
        return next((one for one in self._written if domain_of(one.delivery.address) not in self._spared), None)

    def _write(self, delivery: Delivery) -> Letter:
        """Write a mail. What is read for that takes this thread, too: the loop has nothing else to do."""
        try:
            now = self._clock()
            # What may have arrived goes out late, or somebody has asked for it.
            waited = now - delivery.created_at
            if waited > _FRESH and not delivery.uncertain and now >= self._letters.deadline(delivery):
                raise ExpiredError("it waited for too long: nobody wants it any more")
            message = self._letters.write(delivery)
        except StoreError:
            # Nothing is known of this mail: it is not claimed.
            raise
        except DigestbotError as error:
            return Letter(Claim(delivery=delivery, to_be_sent=False), problem=error)
        return Letter(Claim(delivery=delivery, bytes_hash=hashlib.sha256(message).hexdigest()), message)

    def _look(self) -> None:
        """Look for what waits, as many as there are connections."""
        found = self._waiting(self._share)
        if not found and self._share != EVERYTHING:
            # Its own share is done: what is left is that of others, who may be slower, or no more.
            self._share = EVERYTHING
            found = self._waiting(self._share)
        self._next.extend(found)
        self._taken.update(one.id for one in found)

    def _waiting(self, share: Share) -> list[Delivery]:
        return self._outbox.waiting(
            self._many,
            self._clock(),
            only=self._only,
            without=self._taken | self._left,
            spared=self._spared,
            share=share,
        )
