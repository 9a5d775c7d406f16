"""When a clinic leaves people in peace."""

from fastapi import APIRouter, Response

from libs.common.web.etag import IfMatch, set_etag
from services.notifications.api import access
from services.notifications.api.schemas import QuietHoursRequest, QuietHoursView
from services.notifications.use_cases.queries import ShowQuietHours, show_quiet_hours
from services.notifications.use_cases.set_quiet_hours import SetQuietHours, set_quiet_hours

router = APIRouter(tags=["quiet hours"])


@router.get("/notifications/quiet-hours")
async def read_quiet_hours(
    caller: access.CanReadQuietHours, transact: access.Transact, response: Response
) -> QuietHoursView:
    """The clinic's quiet hours; off until they are set."""
    quiet = await transact.read(show_quiet_hours, ShowQuietHours(), by=caller)
    set_etag(response, quiet.revision)
    return QuietHoursView.of(quiet)


@router.put("/notifications/quiet-hours")
async def change_quiet_hours(
    body: QuietHoursRequest,
    caller: access.CanWriteQuietHours,
    transact: access.Transact,
    revision: IfMatch,
    response: Response,
) -> QuietHoursView:
    """Set them. Messages that wait already keep waiting for the end they were given."""
    quiet = await transact(set_quiet_hours, SetQuietHours(**body.model_dump(), expected_revision=revision), by=caller)
    set_etag(response, quiet.revision)
    return QuietHoursView.of(quiet)
