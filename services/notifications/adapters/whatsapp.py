"""WhatsApp through Meta's Cloud API. Source: developers.facebook.com, WhatsApp Business Platform."""

from typing import Any

import httpx

from libs.common.resilience.http_client import OutboundClient
from services.notifications.adapters.vendor_call import called
from services.notifications.domain.letter import Letter
from services.notifications.domain.outcome import Answer, Outcome, Result

_PASSING = frozenset({1, 2, 4, 80007, 130429, 131000, 131016, 131048, 131056})
"""Meta's trouble, or too many messages: the same message may go through later. All other codes are refusals."""


class WhatsApp:
    """Sends approved templates; free text would need the person to have written within 24 hours."""

    def __init__(self, client: OutboundClient, *, version: str, phone_number_id: str, token: str) -> None:
        self._client = client
        self._url = f"/{version}/{phone_number_id}/messages"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def send(self, letter: Letter) -> Outcome:
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": letter.to,
            "type": "template",
            "template": {
                "name": letter.template_id,
                "language": {"code": letter.language},
                "components": _components(letter),
            },
            "biz_opaque_callback_data": letter.ref,
        }
        return await called(
            self._client.request("POST", self._url, json=body, headers=self._headers),
            accepted=_accepted,
            refused=_refused,
        )

    async def ask(self, ref: str) -> Answer | None:
        """Meta answers no questions about a message; its webhooks carry our reference instead."""
        return None


def _components(letter: Letter) -> list[dict[str, Any]]:
    """The body's values and, in a template for login codes, the code once more for the button that copies it.

    That button is registered as one of type `otp`, and addressed as the URL button that Meta makes of it.
    """
    body = {"type": "body", "parameters": [_text(value) for value in letter.parameters]}
    if letter.copied_code is None:
        return [body]
    button = {"type": "button", "sub_type": "url", "index": "0", "parameters": [_text(letter.copied_code)]}
    return [body, button]


def _text(value: str) -> dict[str, str]:
    return {"type": "text", "text": value}


def _accepted(response: httpx.Response) -> str:
    return str(response.json()["messages"][0]["id"])


def _refused(body: Any) -> Outcome | None:
    """What an answer in Graph's error shape means; it says for certain that nothing was sent."""
    code = int(body["error"]["code"])
    return Outcome(result=Result.FAILED if code in _PASSING else Result.REFUSED, code=f"whatsapp_{code}")
