"""Links to the room of a tele-consultation; the provider is a setting."""

import base64
import hmac


class MeetingRooms:
    """Rooms of a Jitsi-style service, which exist as soon as somebody opens their address.

    The name is a keyed hash of the appointment, so knowing an appointment's id opens no door.
    """

    def __init__(self, base_url: str, key: bytes) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key

    def link(self, appointment_id: str) -> str:
        digest = hmac.digest(self._key, appointment_id.encode(), "sha256")[:18]
        return f"{self._base_url}/clinic-{base64.urlsafe_b64encode(digest).decode()}"
