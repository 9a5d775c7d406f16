"""Phone numbers: whatever people type becomes E.164, or is refused."""

import phonenumbers

HOME_REGION = "IN"


def e164(text: str) -> str:
    """`98123 45678` and `+91-98123-45678` are `+919812345678`. Raises `ValueError` for what is no number.

    A `+` that was not encoded in a URL arrives as a space: Indian numbers are understood all the same.
    """
    try:
        number = phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or number.extension or not phonenumbers.is_valid_number(number):
        encoded = "; in a URL write its + as %2B" if text.startswith(" ") else ""
        raise ValueError(f"Give a phone number such as +919812345678{encoded}")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
