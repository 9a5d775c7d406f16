"""Errors in the Graph API's shape, with the codes that Meta documents for the Cloud API.

Source: developers.facebook.com, WhatsApp Business Platform, "Error codes".
"""

import secrets
from dataclasses import dataclass
from functools import partial

from fastapi import Request
from fastapi.responses import JSONResponse

from sandbox.faults import FaultMode


@dataclass(frozen=True)
class GraphCode:
    """One documented error: its number, title, HTTP status and the most likely reason."""

    code: int
    title: str
    http_status: int
    details: str = ""
    type: str = "OAuthException"


NO_TOKEN = GraphCode(104, "An access token is required to request this resource.", 401)
BAD_TOKEN = GraphCode(190, "Invalid OAuth access token - Cannot parse access token", 401)
UNKNOWN_SENDER = GraphCode(
    100,
    "Unsupported post request. The phone number id does not exist, cannot be loaded due to missing "
    "permissions, or does not support this operation",
    400,
    type="GraphMethodException",
)
INVALID_PARAMETER = GraphCode(100, "Invalid parameter", 400)
CALLBACK_FAILED = GraphCode(2200, "Callback verification failed", 400)
PARAMETER_MISSING = GraphCode(131008, "Required parameter is missing", 400)
PARAMETER_VALUE_INVALID = GraphCode(131009, "Parameter value is not valid", 400)
PARAMETER_COUNT = GraphCode(132000, "Number of parameters does not match the expected number of params", 400)
TEMPLATE_UNKNOWN = GraphCode(132001, "Template name does not exist in the translation", 404)
TEMPLATE_TOO_LONG = GraphCode(132005, "Template hydrated text too long", 400)
UNDELIVERABLE = GraphCode(131026, "Message undeliverable", 400, "Not a WhatsApp phone number.")
WINDOW_CLOSED = GraphCode(
    131047,
    "Re-engagement message",
    400,
    "Message failed to send because more than 24 hours have passed since the customer last replied to this number.",
)
THROUGHPUT = GraphCode(
    130429,
    "Rate limit hit",
    429,
    "Message failed to send because there were too many messages sent from this phone number "
    "in a short period of time.",
)
PAIR_RATE = GraphCode(
    131056,
    "(Business Account, Consumer Account) pair rate limit hit",
    429,
    "Message failed to send because there were too many messages sent from this phone number "
    "to the same phone number in a short period of time.",
)


class GraphError(Exception):
    """A call that Graph refuses."""

    def __init__(self, problem: GraphCode, details: str | None = None) -> None:
        super().__init__(problem.title)
        self.problem = problem
        self.details = details or problem.details

    def body(self) -> dict[str, object]:
        """The answer's body."""
        problem = self.problem
        error: dict[str, object] = {
            "message": f"(#{problem.code}) {problem.title}",
            "type": problem.type,
            "code": problem.code,
            "fbtrace_id": "A" + secrets.token_urlsafe(17),
        }
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        return {"error": error}


FAULTS = {
    FaultMode.DOWN: partial(GraphError, GraphCode(2, "Service temporarily unavailable", 503)),
    FaultMode.FLAKY: partial(GraphError, GraphCode(1, "An unknown error occurred", 500)),
    FaultMode.REJECT: partial(GraphError, UNDELIVERABLE),
}


async def answer(_request: Request, problem: Exception) -> JSONResponse:
    """Turn a refusal into its HTTP answer."""
    assert isinstance(problem, GraphError)  # noqa: S101 (registered for nothing else)
    return JSONResponse(problem.body(), problem.problem.http_status)
