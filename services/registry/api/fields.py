"""The forms that fields of requests may take; the descriptions are what people read who sent another form."""

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from services.registry.domain.phone import e164


def _after_1900(day: date) -> date:
    if not 1900 <= day.year <= 2200:
        raise ValueError("a year from 1900 on")
    return day


_ONE_LINE = "Text on one line, without control characters"


def _text(longest: int, shortest: int = 1) -> Any:
    """Text without control characters, its outer spaces gone."""
    return StringConstraints(
        strip_whitespace=True, min_length=shortest, max_length=longest, pattern=r"^[^\x00-\x1f\x7f]*$"
    )


PatientId = Annotated[str, Field(min_length=1, max_length=64, examples=["pat_01jd2v7xk4e5ta3m3w2x0v6h7c"])]
EntryId = Annotated[str, Field(min_length=1, max_length=64, examples=["grd_01jd2v7xk4e5ta3m3w2x0v6h7c"])]
ConsentId = Annotated[str, Field(min_length=1, max_length=64, examples=["con_01jd2v7xk4e5ta3m3w2x0v6h7c"])]
AccountId = Annotated[str, Field(min_length=1, max_length=64, examples=["acc_7q2v7xk4e5ta3m3w2x0v6h7c1d"])]
ClinicId = Annotated[
    str,
    Field(
        pattern=r"^cln_[0-9a-z]{26}$",
        description="The id of a clinic",
        examples=["cln_01jd2v7xk4e5ta3m3w2x0v6h7c"],
    ),
]
Phone = Annotated[
    str,
    Field(
        max_length=30,
        description="A phone number; without a country code it is Indian",
        examples=["+919812345678", "98123 45678"],
        json_schema_extra={"pattern": r"^ ?[+(]?[0-9][0-9 ()-]{5,24}$"},  # told here, judged by e164 in words
    ),
    AfterValidator(e164),
]
FullName = Annotated[str, _text(120), Field(description=_ONE_LINE, examples=["Lakshmi Rao"])]
NamePart = Annotated[str, _text(80), Field(description=_ONE_LINE, examples=["Lakshmi"])]
Prefix = Annotated[str, _text(20), Field(description=_ONE_LINE, examples=["Smt"])]
AddressLine = Annotated[str, _text(80), Field(description=_ONE_LINE, examples=["4 MG Road"])]
Email = Annotated[
    str,
    _text(254, 3),
    Field(
        pattern=r"^[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]{1,189}$",
        description="An email address",
        examples=["lakshmi@example.org"],
    ),
]
AbhaNumber = Annotated[
    str,
    Field(
        pattern=r"^\d{2}-\d{4}-\d{4}-\d{4}$",
        description="The 14 digits of an ABHA number with dashes between them",
        examples=["12-3456-7890-1234"],
    ),
]
AbhaAddress = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z][A-Za-z0-9.]{3,49}@abdm$",
        description="4 to 50 letters, digits and dots before @abdm, a letter first",
        examples=["lakshmi.rao@abdm"],
    ),
]
Language = Annotated[
    str,
    Field(
        pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$",
        description="A language code of two or three small letters, perhaps with a country",
        examples=["hi", "en-IN"],
    ),
]
BirthDate = Annotated[date, AfterValidator(_after_1900)]
Age = Annotated[int, Field(ge=0, le=130)]
Mrn = Annotated[
    str,
    Field(
        pattern=r"^ *[0-9]{1,12} *$",
        description="The digits of a medical record number; zeros in front may be missing",
        examples=["0000123"],
    ),
]
Reason = Annotated[str, _text(500), Field(description=_ONE_LINE, examples=["Entered twice"])]
ScopeEntry = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_.:/-]{1,100}$",
        description="Up to 100 letters, digits and the signs _ . : / -",
        examples=["documents:lab_report"],
    ),
]
PostalCode = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9 -]{3,10}$",
        description="3 to 10 letters and digits, with spaces or dashes",
        examples=["411001"],
    ),
]
Country = Annotated[
    str, Field(pattern=r"^[A-Z]{2}$", description="A country code of two capital letters", examples=["IN"])
]
NoticeVersion = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_.-]{1,40}$",
        description="Up to 40 letters, digits and the signs _ . -",
        examples=["2026-11"],
    ),
]
