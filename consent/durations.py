"""ISO 8601 durations of terms: P5Y, P1Y6M, P30D, counted on the calendar of Asia/Almaty."""

import re
from calendar import monthrange
from datetime import datetime, timedelta

from django.utils import timezone

PATTERN = re.compile(r"P(?:(\d{1,3})Y)?(?:(\d{1,3})M)?(?:(\d{1,4})D)?")


def parts(duration: str) -> tuple[int, int, int]:
    """(years, months, days) of a duration. Raises ValueError when it is none."""
    match = PATTERN.fullmatch(duration)
    if not match or not any(match.groups()):
        raise ValueError(f"Not an ISO 8601 duration of years, months and days: {duration!r}")
    years, months, days = (int(number or 0) for number in match.groups())
    return years, months, days


def add(start: datetime, duration: str) -> datetime:
    """The moment `duration` after `start` (aware), in local time; a month from 31 January ends with February."""
    years, months, days = parts(duration)
    local = timezone.localtime(start)
    month = local.month - 1 + months + 12 * years
    year, month = local.year + month // 12, month % 12 + 1
    return local.replace(year=year, month=month, day=min(local.day, monthrange(year, month)[1])) + timedelta(days=days)
