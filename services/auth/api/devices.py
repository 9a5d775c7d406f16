"""Devices of staff: who wants to log in from where, and the decision about it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from libs.common.errors import Unauthenticated, problems
from libs.common.security.permissions import bearer_of, public
from libs.common.web.pagination import Page, PageCursor
from services.auth.api import access
from services.auth.api.schemas import DeviceDecision, DeviceStatusView, DeviceView, Id
from services.auth.domain import errors
from services.auth.domain.device import DeviceStatus
from services.auth.domain.secret_token import SecretToken
from services.auth.use_cases.decide_device import DecideDevice, approve_device, reject_device
from services.auth.use_cases.queries import GetDevice, ListDevices, get_device, list_devices

router = APIRouter(prefix="/auth/devices", tags=["devices"])

_DECISION = problems(errors.DeviceUnknown, errors.OwnDevice, errors.DeviceDecided)


@router.get("")
async def read_devices(
    caller: access.CanReadDevices,
    transact: access.Transact,
    cursor: PageCursor,
    status: Annotated[DeviceStatus | None, Query()] = None,
) -> Page[DeviceView]:
    """The clinic's devices, those that wait with `?status=pending`."""
    page = await transact.read(list_devices, (ListDevices(status=status), cursor), by=caller)
    return Page(items=[DeviceView.of(device) for device in page.items], next_cursor=page.next_cursor)


@router.get("/status", dependencies=[public("The device token opens this and nothing else")])
async def read_device_status(request: Request, transact: access.Transact) -> DeviceStatusView:
    """Whether the device may log in by now. Send the `device_token` of the login as the bearer."""
    token = SecretToken.parse(bearer_of(request))
    try:
        device = await transact.read(get_device, GetDevice(device_id=token.id), by=access.ITSELF)
    except errors.DeviceUnknown:
        raise Unauthenticated("This is not a device token") from None
    if not token.opens(device.status_token_hash):
        raise Unauthenticated("This is not the device's newest token: log in again")
    return DeviceStatusView(id=device.id, device_id=device.given_id, status=device.status)


@router.post("/{device_id}/approve", name="approve_device", responses=_DECISION)
async def approve(
    device_id: Id, caller: access.CanDecideDevices, transact: access.Transact, body: DeviceDecision | None = None
) -> DeviceView:
    """From now on they can log in from it. Nobody approves a device of their own."""
    command = DecideDevice(device_id=device_id, reason=body.reason if body else None)
    return DeviceView.of(await transact(approve_device, command, by=caller))


@router.post("/{device_id}/reject", name="reject_device", responses=_DECISION)
async def reject(
    device_id: Id,
    caller: access.CanDecideDevices,
    transact: access.Transact,
    ended: access.Ended,
    body: DeviceDecision | None = None,
) -> DeviceView:
    """For good. A device that was approved before loses its sessions."""
    command = DecideDevice(device_id=device_id, reason=body.reason if body else None)
    device = await transact(reject_device, command, by=caller)
    await ended.refresh()
    return DeviceView.of(device)
