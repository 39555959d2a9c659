from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

CIVIL_ZONE = ZoneInfo("America/Toronto")


def now() -> datetime:
    return datetime.now(UTC)


def civil_date(instant: datetime) -> date:
    """The date that `*_on` fields compare with: the civil date in America/Toronto, end inclusive."""
    return instant.astimezone(CIVIL_ZONE).date()


def next_second(instant: datetime) -> datetime:
    """`instant` rounded up to the second, as `refuse_issued_before` and `iat` (RFC 7519 §2) are compared."""
    whole = instant.replace(microsecond=0)
    return whole if whole == instant else whole + timedelta(seconds=1)
