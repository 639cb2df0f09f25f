"""Two weeks of a June in which something happens, Monday to Monday, and a holiday after them."""

from __future__ import annotations

from datetime import date, timedelta

DAY = timedelta(days=1)
MONDAY = date(2026, 6, 8)
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = (MONDAY + DAY * number for number in range(1, 7))
NEXT_MONDAY = MONDAY + DAY * 7
# A Friday without announcement.
HOLIDAY = date(2026, 6, 19)
