"""Phone numbers that codes can be sent to."""

import re

import phonenumbers

from libs.common.errors import FieldError
from services.auth.domain.errors import PhoneInvalid, PhoneNotSupported

_HOME_REGION = "IN"
_INDIAN_MOBILE = re.compile(r"\+91[6-9][0-9]{9}")


def mobile_number(text: str) -> str:
    """The number in E.164 form; without a country code it is Indian. Raises `PhoneInvalid`, or `PhoneNotSupported` for
    what is no Indian mobile: our SMS routes are registered there only."""
    try:
        parsed = phonenumbers.parse(text, _HOME_REGION)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or parsed.extension:
        raise PhoneInvalid(errors=[_at_phone(PhoneInvalid.title)])
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if not _INDIAN_MOBILE.fullmatch(number):
        raise PhoneNotSupported(errors=[_at_phone(PhoneNotSupported.title)])
    return number


def _at_phone(detail: str) -> FieldError:
    return FieldError(pointer="/phone", detail=detail)
