"""Mail over SMTP."""

import asyncio
from email.message import EmailMessage
from email.utils import formatdate

import aiosmtplib

from libs.common.resilience.breaker import AsyncBreaker, BreakerOpen
from libs.common.telemetry.tracing import client_span
from services.notifications.adapters.vendor_call import NO_ANSWER, NOT_REACHED
from services.notifications.domain.letter import Letter
from services.notifications.domain.outcome import Answer, Outcome, Result

_NOT_CONNECTED = (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPConnectTimeoutError, aiosmtplib.SMTPConnectResponseError)


class Mail:
    """One connection per mail: at a clinic's volume a pool would only find its connections closed."""

    def __init__(
        self, host: str, port: int, *, sender: str, timeout: float, login: tuple[str, str] | None = None
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._timeout = timeout
        self._login = login
        self._breaker = AsyncBreaker("smtp", is_failure=_says_nothing_about_the_mail)

    async def send(self, letter: Letter) -> Outcome:
        message_id = f"<{letter.ref}@{self._sender.partition('@')[2]}>"
        try:
            async with self._breaker.guard():
                with client_span("SEND smtp", {"peer.service": "smtp"}):
                    await self._deliver(letter, message_id)
        except BreakerOpen as closed:
            return Outcome(result=Result.VENDOR_DOWN, code="vendor_down", retry_after=closed.retry_after)
        except _NOT_CONNECTED:
            return NOT_REACHED
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return _answered(min(recipient.code for recipient in refused.recipients))
        except aiosmtplib.SMTPResponseException as answer:
            return _answered(answer.code)
        except (aiosmtplib.SMTPException, OSError):
            return NO_ANSWER
        return Outcome(result=Result.ACCEPTED, message_id=message_id)

    async def ask(self, ref: str) -> Answer | None:
        """Mail servers keep no record for their clients."""
        return None

    async def _deliver(self, letter: Letter, message_id: str) -> None:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = letter.to
        mail["Subject"] = letter.subject or ""
        mail["Date"] = formatdate()
        mail["Message-ID"] = message_id
        mail["X-Template"] = letter.template_id
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(letter.text)
        async with asyncio.timeout(3 * self._timeout):  # the client bounds each command, not the whole
            await aiosmtplib.send(
                mail,
                hostname=self._host,
                port=self._port,
                timeout=self._timeout,
                username=self._login[0] if self._login else None,
                password=self._login[1] if self._login else None,
            )


def _answered(code: int) -> Outcome:
    """4xx: not now, 5xx: never."""
    return Outcome(result=Result.FAILED if code < 500 else Result.REFUSED, code=f"smtp_{code}")


def _says_nothing_about_the_mail(error: Exception) -> bool:
    """No answer and 4xx count against the server; a 5xx is an answer about this one mail."""
    return not (isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 500) and not isinstance(
        error, aiosmtplib.SMTPRecipientsRefused
    )
