"""A message ready to go: the only thing here that holds a number, a name or a code, and it is stored nowhere."""

from dataclasses import dataclass

from services.notifications.domain.purposes import Channel


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """`to`: E.164 or a mail address. `ref` is the same for every attempt that means the same message.

    `copied_code`: what a button copies, in Meta's templates for login codes.
    """

    channel: Channel
    to: str
    ref: str
    template_id: str
    language: str
    text: str
    parameters: tuple[str, ...]
    subject: str | None = None
    copied_code: str | None = None

    @property
    def recipient_hint(self) -> str:
        """Enough of the address to tell a family's phones apart, and no more."""
        if self.channel is Channel.EMAIL:
            name, _, domain = self.to.partition("@")
            return f"{name[:1]}***@{domain}"
        return f"{self.to[:3]}******{self.to[-4:]}"
