"""Date functions. Source: Azure Resource Manager, "Date functions for ARM templates".

A result without a format is written as Azure's documentation shows it: `4/7/2023 2:53:14 PM` after a base of
the form `u`, and as the base is written otherwise.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from bluejacket.cloud.deploy.dotnet import dated
from bluejacket.cloud.deploy.expressions import ExpressionError
from bluejacket.cloud.deploy.functions.table import Library
from bluejacket.cloud.deploy.scope import Scope, Stage

DATES = Library()
_DURATION = re.compile(
    r"(?P<sign>[+-]?)P(?=.)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_FORMS = (
    (re.compile(r"\d{8}T\d{6}Z"), "%Y%m%dT%H%M%SZ", "yyyyMMddTHHmmssZ"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"), "%Y-%m-%d %H:%M:%SZ", "M/d/yyyy h:mm:ss tt"),
    (re.compile(r"\d\d/\d\d/\d{4}"), "%m/%d/%Y", "MM/dd/yyyy"),
    (
        re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d:\d\d [AP]M"),
        "%m/%d/%Y %I:%M:%S %p",
        "M/d/yyyy h:mm:ss tt",
    ),
)


@DATES.add("utcNow", "?s", scoped=True)
def _utc_now(scope: Scope, how: str = "yyyyMMddTHHmmssZ") -> str:
    if scope.stage is not Stage.DEFAULT:
        raise ExpressionError(
            "The template function 'utcNow' is not expected at this location. "
            "Please see https://aka.ms/arm-functions for usage details."
        )
    return dated(_read(scope.host.utc_now())[0], how)


@DATES.add("dateTimeAdd", "ss?s")
def _date_time_add(base: str, duration: str, how: str = "") -> str:
    moment, form = _read(base)
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise ExpressionError(
            f"The template language function 'dateTimeAdd': '{duration}' is no ISO 8601 duration."
        )
    sign = -1 if found["sign"] == "-" else 1
    months = sign * (12 * int(found["years"] or 0) + int(found["months"] or 0))
    rest = timedelta(
        weeks=int(found["weeks"] or 0),
        days=int(found["days"] or 0),
        hours=int(found["hours"] or 0),
        minutes=int(found["minutes"] or 0),
        seconds=float(found["seconds"] or 0),
    )
    try:
        return dated(_months_later(moment, months) + sign * rest, how or form)
    except (OverflowError, ValueError):
        raise ExpressionError(
            "The template language function 'dateTimeAdd': the result is no date."
        ) from None


@DATES.add("dateTimeFromEpoch", "i")
def _date_time_from_epoch(seconds: int) -> str:
    try:
        return dated(datetime.fromtimestamp(seconds, UTC), "yyyy-MM-ddTHH:mm:ssZ")
    except (OverflowError, ValueError, OSError):
        raise ExpressionError(
            f"The template language function 'dateTimeFromEpoch': {seconds} is no date."
        ) from None


@DATES.add("dateTimeToEpoch", "s")
def _date_time_to_epoch(text: str) -> int:
    return int(_read(text)[0].timestamp())


def _months_later(moment: datetime, months: int) -> datetime:
    """The last day of a shorter month stands for the days that it does not have."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = moment.day
    while True:
        try:
            return moment.replace(year=year, month=month + 1, day=day)
        except ValueError:
            if day <= 28:
                raise
            day -= 1


def _read(text: str) -> tuple[datetime, str]:
    """Give the moment that a text means, and the format that it is written in."""
    for form, pattern, back in _FORMS:
        if form.fullmatch(text):
            try:
                return datetime.strptime(text, pattern).replace(tzinfo=UTC), back
            except ValueError:
                break
    try:
        # .NET writes seven digits of a second, Python reads six
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        raise ExpressionError(f"'{text}' is not a valid ISO 8601 date.") from None
    back = (
        "yyyy-MM-dd"
        if len(text) == 10
        else "yyyy-MM-ddTHH:mm:ss.fffffffZ"
        if "." in text
        else "yyyy-MM-ddTHH:mm:ssZ"
    )
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC), back
