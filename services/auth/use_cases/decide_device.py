"""An administrator approves or rejects a device somebody else wants to log in from."""

from libs.common.command import Command
from libs.contracts.auth import DeviceApproved, DeviceRejected
from services.auth.domain.device import Device
from services.auth.permissions import DEVICE_DECIDE
from services.auth.use_cases.ports import AuthTx


class DecideDevice(Command):
    device_id: str
    reason: str | None = None


async def approve_device(command: DecideDevice, tx: AuthTx) -> Device:
    device = await tx.devices.get(command.device_id)
    device.approve(tx.actor.id, tx.now)
    tx.devices.save(device)
    tx.publish(DeviceApproved.of(device, approved_by=tx.actor.id))
    tx.audit(DEVICE_DECIDE, device, reason=command.reason)
    return device


async def reject_device(command: DecideDevice, tx: AuthTx) -> Device:
    """A device that was approved before loses its sessions."""
    device = await tx.devices.get(command.device_id)
    device.reject(tx.actor.id, tx.now)
    tx.devices.save(device)
    for session in await tx.sessions.open_on(device.id):
        session.end("device_rejected", tx.now)
        tx.sessions.save(session)
    tx.publish(DeviceRejected.of(device, rejected_by=tx.actor.id))
    tx.audit(DEVICE_DECIDE, device, reason=command.reason)
    return device
