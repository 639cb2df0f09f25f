"""Figures of a replay as what a page draws: numbers become places, counted from the upper left in units of a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from math import ceil
from typing import Any

from digestbot.pipeline.history import AHEAD_DAYS, LAST_DIGESTS, Replayed, Span
from digestbot.ranking.history import ORDERS
from digestbot.ranking.judgement import Estimate, Reader, Week

_WIDTH, _LEFT, _RIGHT = 680.0, 36.0, 124.0
_TOP, _HEIGHT, _BOTTOM = 14.0, 190.0, 30.0
_LABELS_APART = 17.0
_MOST_TICKS = 7
# Longer lists are cut in the middle: who is worst off, and who best, is what one looks for.
_MOST_READERS = 60
_ROW, _NAMES = 22.0, 232.0
_MOST_NAME = 32
# Up to so many weeks each is marked by a dot as well.
_MOST_DOTS = 30
_STYLES = ("own", "dash", "thin")


def page(replayed: Replayed, span: Span, now: datetime) -> dict[str, Any]:
    """Return what ``templates/reports/history.html.j2`` shows."""
    weeks, whole = replayed.weeks, replayed.overall
    judged = [(email, one) for email, one in replayed.readers if one.days]
    lines = len([week for week in weeks if week.days]) > 1
    return {
        "made": f"{now:%Y-%m-%d %H:%M} UTC",
        "first": _long(replayed.first) if replayed.first else "",
        "last": _long(replayed.last) if replayed.last else "",
        "window_days": span.window_days,
        "ahead_days": AHEAD_DAYS,
        "last_digests": LAST_DIGESTS,
        "readers": whole.readers,
        "days": whole.days,
        "orders": [
            {
                "name": name,
                "style": style,
                "ndcg": _plus_minus(own.ndcg),
                "hits": _plus_minus(own.hits),
                "hit_days": f"{own.hit_days.mean:.0%}",
                "gain": _plus_minus(whole.gains[number - 1].ndcg, signed=True) if number else "",
                "verdict": _verdict(whole.gains[number - 1].ndcg) if number else "",
            }
            for number, (name, style, own) in enumerate(zip(ORDERS, _STYLES, whole.measures, strict=False))
        ],
        "sent": whole.sent,
        "quality": _lines(weeks, [week.ndcg for week in weeks], 1.0) if lines else None,
        "hits": _lines(weeks, [week.hits for week in weeks], None) if lines else None,
        "given": _bars(weeks) if weeks else None,
        "dots": _dots(judged) if judged else None,
        "weeks": [
            {
                "day": week.monday.isoformat(),
                "days": week.days,
                "ndcg": [f"{one:.3f}" for one in week.ndcg],
                "hits": [f"{one:.2f}" for one in week.hits],
                "likes": week.likes,
                "dislikes": week.dislikes,
            }
            for week in weeks
        ],
    }


def _verdict(gain: Estimate) -> str:
    """Return in words what a difference is worth; two standard errors are what chance gives one time in twenty."""
    if gain.error is None:
        return "too few to say"
    if abs(gain.mean) < 2 * gain.error:
        return "may be chance"
    return "better" if gain.mean > 0 else "worse"


def _lines(weeks: Sequence[Week], values: Sequence[Sequence[float]], top: float | None) -> dict[str, Any]:
    """Return a line for each order, broken where no day counts, each with its name at its end."""
    highest = max((max(own) for own in values if own), default=0.0)
    step, most = (0.25, top) if top else _scale(highest)
    across, down = _across(len(weeks)), _down(most)
    series = []
    for number, (name, style) in enumerate(zip(ORDERS, _STYLES, strict=True)):
        places = [(across(week), down(own[number])) for week, own in enumerate(values) if own]
        parts: list[str] = []
        for week, own in enumerate(values):
            if own:
                begins = week == 0 or not values[week - 1]
                parts.append(f"{'M' if begins else 'L'}{across(week):.1f} {down(own[number]):.1f}")
        series.append({"name": name, "style": style, "path": "".join(parts), "places": places, "label": places[-1][1]})
    _move_apart(series)
    return {
        **_frame(weeks, step, most),
        "series": series[::-1],
        "dots": len(weeks) <= _MOST_DOTS,
    }


def _move_apart(series: Sequence[dict[str, Any]]) -> None:
    """Move the names of lines that end close together apart, in their order; those too low go up again."""
    ordered = sorted(series, key=lambda one: one["label"])
    for upper, lower in pairwise(ordered):
        lower["label"] = max(lower["label"], upper["label"] + _LABELS_APART)
    too_low = ordered[-1]["label"] - (_TOP + _HEIGHT)
    for one in ordered:
        one["label"] -= max(0.0, too_low)


def _bars(weeks: Sequence[Week]) -> dict[str, Any]:
    """Return likes upwards and dislikes downwards, on one scale."""
    up, below = max(week.likes for week in weeks), max(week.dislikes for week in weeks)
    step, most = _scale(max(up, below))
    step = max(1.0, step)
    # Each side as far as its own bars go, in whole steps.
    above, under = (max(step, ceil(one / step) * step) if one else 0.0 for one in (up, below))
    pixels = _HEIGHT / max(above + under, 1.0)
    zero = _TOP + above * pixels
    slot = (_WIDTH - _LEFT - _RIGHT) / len(weeks)
    wide = max(1.0, min(26.0, slot * 0.72))
    across = _across(len(weeks))
    return {
        **_frame(weeks, step, most),
        "ticks": [
            {"y": zero - number * step * pixels, "text": f"{abs(number * step):g}"}
            for number in range(-round(under / step), round(above / step) + 1)
        ],
        "zero": zero,
        "wide": wide,
        "likes": [(across(n) - wide / 2, zero - one.likes * pixels, one.likes * pixels) for n, one in enumerate(weeks)],
        "dislikes": [(across(n) - wide / 2, zero, one.dislikes * pixels) for n, one in enumerate(weeks)],
        "liked_label": (_TOP + zero) / 2,
        "disliked_label": (zero + _TOP + _HEIGHT) / 2 if under else None,
    }


def _dots(judged: Sequence[tuple[str, Reader]]) -> dict[str, Any]:
    """Return a row for each reader, the best first; of many, the best and the worst."""
    ordered = sorted(judged, key=lambda one: (-one[1].measures[0].ndcg, one[0]))
    left_out = max(0, len(ordered) - _MOST_READERS)
    if left_out:
        ordered = ordered[: _MOST_READERS // 2] + ordered[-(_MOST_READERS // 2) :]
    room = _WIDTH - _NAMES - 20.0

    def across(value: float) -> float:
        return _NAMES + value * room

    top = 30.0
    rows = []
    for number, (email, one) in enumerate(ordered):
        places = [across(own.ndcg) for own in one.measures]
        rows.append(
            {
                "y": top + _ROW * (number + 0.5),
                "name": email if len(email) <= _MOST_NAME else email[: _MOST_NAME - 1] + "…",
                "email": email,
                "days": one.days,
                "places": list(zip(places, _STYLES, strict=True))[::-1],
                "from": min(places),
                "to": max(places),
                "figures": ", ".join(f"{name} {own.ndcg:.3f}" for name, own in zip(ORDERS, one.measures, strict=True)),
            }
        )
    bottom = top + _ROW * len(rows)
    cut = top + _ROW * (_MOST_READERS // 2) if left_out else None
    return {
        "width": _WIDTH,
        "height": bottom + 24.0,
        "top": top,
        "bottom": bottom,
        "names": _NAMES,
        "ticks": [{"x": across(value), "text": f"{value:g}"} for value in (0.0, 0.25, 0.5, 0.75, 1.0)],
        "rows": rows,
        "cut": cut,
        "left_out": left_out,
    }


def _frame(weeks: Sequence[Week], step: float, most: float) -> dict[str, Any]:
    across, down = _across(len(weeks)), _down(most)
    every = ceil(len(weeks) / _MOST_TICKS)
    return {
        "width": _WIDTH,
        "height": _TOP + _HEIGHT + _BOTTOM,
        "left": _LEFT,
        "right": _WIDTH - _RIGHT,
        "bottom": _TOP + _HEIGHT,
        "ticks": [{"y": down(number * step), "text": f"{number * step:g}"} for number in range(round(most / step) + 1)],
        "days": [
            {"x": across(number), "text": _short(week.monday, weeks[number - every].monday if number else None)}
            for number, week in enumerate(weeks)
            if number % every == 0
        ],
    }


def _across(count: int) -> Any:
    slot = (_WIDTH - _LEFT - _RIGHT) / max(1, count)
    return lambda number: _LEFT + slot * (number + 0.5)


def _down(most: float) -> Any:
    return lambda value: _TOP + _HEIGHT * (1 - value / most)


def _scale(highest: float) -> tuple[float, float]:
    """Return the distance of the lines of a scale, of which there are at most six, and its upper end."""
    step = 0.1
    factors = (2.0, 2.5, 2.0)
    number = 0
    while highest / step > 5:
        step *= factors[number % 3]
        number += 1
    return step, step * max(1, ceil(highest / step - 1e-9))


def _plus_minus(one: Estimate, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    text = f"{one.mean:{sign}.3f}" + ("" if one.error is None else f" ± {one.error:.3f}")
    return text.replace("-", "−")


def _short(day: date, before: date | None) -> str:
    """Return day and month, with the year where it is another than before."""
    return f"{day.day} {day:%b}" + (f" {day.year}" if before is None or before.year != day.year else "")


def _long(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
