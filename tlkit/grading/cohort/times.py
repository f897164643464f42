"""Points in time that people write into tables: never without a time zone."""

import zoneinfo
from datetime import UTC, datetime

from tlkit.errors import TlkitError

_EXAMPLES = "2026-03-01T23:59+01:00 or 2026-03-01 23:59 Europe/Berlin"


def parse_time(text: str, where: str) -> datetime:
    """A time as ISO 8601 with an offset, or with the name of a time zone behind it.

    Of a local time that there is twice, when clocks go back, the later one is meant.

    Args:
        where: what the text is and where it stands, for the message.
    Returns:
        The time in UTC, without a zone of its own, as nbgrader keeps times.
    Raises:
        TlkitError: it is no time, has no zone, the zone is not known, or clocks skip that time there.
    """
    written, _, zone_name = text.strip().rpartition(" ")
    if "/" in zone_name or zone_name == "UTC":
        try:
            zone = zoneinfo.ZoneInfo(zone_name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise TlkitError(f"{where} names the time zone {zone_name!r}, which is not known here") from error
    else:
        written, zone = text.strip(), None
    try:
        time = datetime.fromisoformat(written)
    except ValueError as error:
        raise TlkitError(f"{where} is {text!r}, which is no time; write {_EXAMPLES}") from error
    if zone is not None and time.tzinfo is None:
        local = time.replace(tzinfo=zone, fold=1)
        if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != time:
            raise TlkitError(f"{where} is {text!r}, a time that clocks skip there; take one an hour later")
        time = local
    if time.tzinfo is None:
        raise TlkitError(f"{where} is {text!r}, which has no time zone; write {_EXAMPLES}")
    return time.astimezone(UTC).replace(tzinfo=None)
