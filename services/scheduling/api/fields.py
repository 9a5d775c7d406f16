"""The values that requests of scheduling are made of: ids, days, moments, texts."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, TypeAdapter, WithJsonSchema
from pydantic_core import PydanticCustomError

_PLAIN_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME_OF_DAY = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"


def _day_in_our_time(day: date) -> date:
    if not 2000 <= day.year <= 2200:
        raise PydanticCustomError("year_out_of_range", "must be in a year between 2000 and 2200")
    return day


def _moment_in_our_time(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise PydanticCustomError("zone_missing", "add the zone, such as 2026-12-01T00:00:00+05:30")
    _day_in_our_time(moment)
    return moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_moment_in_our_time)]
Day = Annotated[date, AfterValidator(_day_in_our_time)]

_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
_DAY: TypeAdapter[date] = TypeAdapter(Day)


def _moment_or_day(value: object) -> datetime | date:
    """A plain date stays one: read as a moment it would be a midnight in no zone."""
    plain = isinstance(value, str) and _PLAIN_DATE.fullmatch(value) is not None
    return _DAY.validate_python(value) if plain else _MOMENT.validate_python(value)


def _time_of_day(value: object) -> object:
    if isinstance(value, time) or (isinstance(value, str) and re.fullmatch(_TIME_OF_DAY, value)):
        return value
    raise PydanticCustomError("time_of_day", "must be a time of the clinic's day, such as 09:00")


TimeOfDay = Annotated[
    time,
    BeforeValidator(_time_of_day),
    WithJsonSchema({"type": "string", "pattern": _TIME_OF_DAY, "examples": ["09:00"]}),
]

MomentOrDay = Annotated[datetime | date, PlainValidator(_moment_or_day, json_schema_input_type=datetime | date)]
"""A moment with its zone, or a day of the clinic's."""

PatientId = Annotated[str, Field(min_length=1, max_length=64, examples=["pat_01jd2v7xk4e5ta3m3w2x0v6h7c"])]
DoctorId = Annotated[str, Field(min_length=1, max_length=64, examples=["usr_01jd2v7xk4e5ta3m3w2x0v6h7c"])]
SlotId = Annotated[str, Field(min_length=1, max_length=64, examples=["slot_01jd2v7xk4e5ta3m3w2x0v6h7c_20261125T0430"])]
AppointmentId = Annotated[str, Field(min_length=1, max_length=64, examples=["apt_01jd2v7xk4e5ta3m3w2x0v6h7c"])]
RoomId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="Letters, digits, - and _",
        examples=["room-1"],
    ),
]
Text = Annotated[
    str,
    Field(
        max_length=500,
        pattern=r"^[^\x00]*$",
        description="Text without NUL characters",
        examples=["Fever since Monday"],
    ),
]
