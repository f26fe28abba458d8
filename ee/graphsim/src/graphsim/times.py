"""`Edm.DateTimeOffset` as Graph reads and writes it."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

_FORM = re.compile(
    r"(?P<second>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.(?P<fraction>\d{1,7}))?(?P<offset>Z|[+-]\d\d:\d\d)",
    re.ASCII,
)


@dataclass(frozen=True, order=True)
class Instant:
    """A moment in UTC that prints with as many fraction digits as it was given with."""

    second: datetime
    ticks: int = 0  # of 100 nanoseconds; Graph keeps seven digits, Python's datetime six
    digits: int = field(default=0, compare=False)

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read a time with an offset; anything else is a `ValueError`."""
        match = _FORM.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError(f"{text!r} is not a time with an offset")
        fraction = match["fraction"] or ""
        try:
            second = datetime.fromisoformat(match["second"] + match["offset"]).astimezone(UTC)
        except OverflowError as error:
            raise ValueError(f"{text!r} is outside the calendar") from error
        return cls(second, int(fraction.ljust(7, "0")), len(fraction))

    @classmethod
    def now(cls) -> Self:
        moment = datetime.now(UTC)
        return cls(moment.replace(microsecond=0), moment.microsecond * 10, 7)

    def plus(self, span: timedelta) -> Self:
        """The moment `span` later, or the end of the calendar."""
        try:
            second = self.second + span
        except OverflowError:
            second = datetime.max.replace(microsecond=0, tzinfo=UTC)
        return type(self)(second, self.ticks, self.digits)

    def __str__(self) -> str:
        whole = self.second.replace(tzinfo=None).isoformat()
        return f"{whole}.{self.ticks:07d}"[: 20 + self.digits].rstrip(".") + "Z"
