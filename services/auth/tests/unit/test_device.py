"""Who may decide about a device, and how often."""

from datetime import UTC, datetime

import pytest

from services.auth.domain.device import Device, DeviceStatus
from services.auth.domain.errors import DeviceDecided, OwnDevice

NOW = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)


def _device() -> Device:
    return Device.requested(user_id="usr_1", clinic_id="cln_1", given_id="d", name="laptop", now=NOW)


def test_nobody_decides_about_their_own() -> None:
    device = _device()
    for decide in (device.approve, device.reject):
        with pytest.raises(OwnDevice):
            decide("usr_1", NOW)
    assert device.status is DeviceStatus.PENDING


def test_an_approved_device_can_be_rejected_and_never_the_other_way_round() -> None:
    device = _device()
    device.approve("usr_2", NOW)
    with pytest.raises(DeviceDecided):
        device.approve("usr_3", NOW)
    device.reject("usr_3", NOW)
    assert (device.status, device.decided_by) == (DeviceStatus.REJECTED, "usr_3")
    for decide in (device.approve, device.reject):
        with pytest.raises(DeviceDecided) as refused:
            decide("usr_2", NOW)
        assert refused.value.extra == {"current_status": "rejected"}


def test_only_the_newest_status_token_opens() -> None:
    device = _device()
    first, second = device.new_status_token(), device.new_status_token()
    assert not first.opens(device.status_token_hash)
    assert second.opens(device.status_token_hash)
    assert second.secret not in device.model_dump_json()
