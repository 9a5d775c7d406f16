"""Which phones cannot be reached, so that a failed delivery can be tried out."""

from pydantic import BaseModel, ConfigDict

from sandbox.newest import Newest

KEPT = 5_000


class Phone(BaseModel):
    """What works on one phone; a phone nobody described has both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    whatsapp: bool = True
    sms: bool = True


class Phones:
    """The phones that were described, by E.164 number."""

    def __init__(self) -> None:
        self._phones: Newest[str, Phone] = Newest(KEPT)

    def describe(self, number: str, phone: Phone) -> None:
        """From now on the phone behaves so."""
        self._phones[number] = phone

    def at(self, number: str) -> Phone:
        """The phone with this number."""
        return self._phones.get(number, Phone())
