"""The fits that pages compare papers by, which are no others than digests are ranked with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digestbot.pipeline.refit import Fitter
    from digestbot.ranking.fit import Fit
    from digestbot.store.fits import Fits


class FitsOfPages:
    """Gives the fit to compare papers by, to one thread at a time.

    ``used`` tells which one digests were ranked with in this process, ``fits`` are those on the disk, and
    ``taker`` makes a fitter that takes these and makes none.
    """

    def __init__(
        self,
        *,
        used: Callable[[], Fit | None],
        fits: Callable[[], Fits],
        taker: Callable[[], Fitter],
    ) -> None:
        self._used = used
        self._fits = fits
        self._new_taker = taker
        self._taker: Fitter | None = None

    def current(self, now: datetime) -> Fit | None:
        """Return the fit for ``now``; ``None`` until one is made.

        It is the very one that digests are ranked with in this process, or else one that was saved: when there are no
        digests here, when none has been composed yet, or when another program has made one for a nearer time.
        """
        used = self._used()
        if used is None or any(abs(now - saved) < abs(now - used.fitted_at) for _, saved in self._fits().saved()):
            self._taker = self._taker or self._new_taker()
            return self._taker.current(now)
        # What was read from the disk before is let go.
        self._taker = None
        return used
