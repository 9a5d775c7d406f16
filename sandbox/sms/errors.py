"""The gateway's refusals: `{"status": "rejected", "code", "description"}`."""

from functools import partial

from fastapi import Request
from fastapi.responses import JSONResponse

from sandbox.faults import FaultMode


class SmsError(Exception):
    """A call that the gateway refuses."""

    def __init__(self, http_status: int, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.http_status = http_status
        self.code = code
        self.description = description


FAULTS = {
    FaultMode.DOWN: partial(SmsError, 503, "SERVICE_UNAVAILABLE", "The gateway is not available."),
    FaultMode.FLAKY: partial(SmsError, 500, "INTERNAL_ERROR", "Something went wrong on our side."),
    FaultMode.REJECT: partial(SmsError, 400, "OPERATOR_REJECTED", "The operator does not accept this message."),
}


async def answer(_request: Request, problem: Exception) -> JSONResponse:
    """Turn a refusal into its HTTP answer."""
    assert isinstance(problem, SmsError)  # noqa: S101 (registered for nothing else)
    return JSONResponse(
        {"status": "rejected", "code": problem.code, "description": problem.description}, problem.http_status
    )
