"""A mail server that delivers everything to the message store."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.faults import HANG_SECONDS, Fault, FaultBoard, FaultMode, Provider
from sandbox.messages import Channel, Message, MessageStore, Status, same_address

MAX_MAIL_BYTES = 10_000_000
KEPT_CHARACTERS = 20_000

ANSWERS = {
    FaultMode.DOWN: "421 4.3.2 Service not available, closing transmission channel",
    FaultMode.FLAKY: "451 4.3.0 Requested action aborted: local error in processing",
    FaultMode.REJECT: "550 5.1.1 Requested action not taken: mailbox unavailable",
}


class MailServer:
    """Takes mail for anybody, one message per recipient. Faults strike once a mail's text was sent."""

    def __init__(self, messages: MessageStore, faults: FaultBoard, now: Callable[[], datetime]) -> None:
        self._messages = messages
        self._faults = faults
        self._now = now

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Open the port (0: any free one). Raises OSError when it is taken."""
        return await asyncio.get_running_loop().create_server(self._connection, host, port)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's hook: one mail has been sent; returns the reply line."""
        fault = self._faults.take(Provider.SMTP)
        if refusal := await _refusal(fault):
            return refusal
        for recipient in envelope.rcpt_tos:
            self._messages.add(self._received(recipient, envelope))
        if fault.mode is FaultMode.LOST:
            await asyncio.sleep(HANG_SECONDS)
        return "250 2.0.0 OK: queued"

    def _connection(self) -> asyncio.Protocol:
        connection: asyncio.Protocol = SMTP(
            self,
            data_size_limit=MAX_MAIL_BYTES,
            enable_SMTPUTF8=True,
            hostname="sandbox.local",
            ident="sandbox",
        )
        return connection

    def _received(self, recipient: str, envelope: Envelope) -> Message:
        content = envelope.content
        mail = message_from_bytes(content if isinstance(content, bytes) else b"", policy=default)
        assert isinstance(mail, EmailMessage)  # noqa: S101 (what policy `default` makes)
        return Message(
            id=f"mail_{secrets.token_hex(12)}",
            channel=Channel.EMAIL,
            to=same_address(recipient),
            template=_header(mail, "X-Template"),
            body=_text(mail)[:KEPT_CHARACTERS],
            at=self._now(),
            status=Status.DELIVERED,
            sender=envelope.mail_from,
            subject=_header(mail, "Subject"),
            note=_attachments(mail),
        )


async def _refusal(fault: Fault) -> str | None:
    """What the fault makes the server say instead of taking the mail; a client that leaves ends the wait."""
    if fault.mode is FaultMode.SLOW:
        await asyncio.sleep(fault.latency_ms / 1000)
    if fault.mode is FaultMode.HANG:
        await asyncio.sleep(HANG_SECONDS)
        return ANSWERS[FaultMode.DOWN]
    return ANSWERS.get(fault.mode)


def _header(mail: EmailMessage, name: str) -> str | None:
    value = mail[name]
    return None if value is None else str(value)[:KEPT_CHARACTERS]


def _text(mail: EmailMessage) -> str:
    part = mail.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    try:
        return raw.decode(part.get_content_charset("utf-8"), errors="replace").strip()
    except LookupError:  # a charset that Python does not know
        return raw.decode("utf-8", errors="replace").strip()


def _attachments(mail: EmailMessage) -> str | None:
    names = [part.get_filename() or part.get_content_type() for part in mail.iter_attachments()]
    return ("Attached: " + ", ".join(names))[:KEPT_CHARACTERS] if names else None
