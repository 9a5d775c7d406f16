"""Change what a patient wants to be told: in the app or at the desk, or by a keyword to one of our numbers."""

from datetime import datetime

from libs.common.command import Command
from libs.common.errors import PreconditionFailed
from libs.contracts.notifications import RecipientOptedOut
from services.notifications.domain.preference import Preference
from services.notifications.domain.purposes import Channel
from services.notifications.permissions import PREFERENCE_WRITE
from services.notifications.use_cases.ports import NotificationsTx


class SetPreference(Command):
    """The whole of it: channels that are not named are welcome."""

    patient_id: str
    opted_out: frozenset[Channel]
    promotional: bool
    expected_revision: int | None = None


async def set_preference(command: SetPreference, tx: NotificationsTx) -> Preference:
    preference = await tx.preferences.of(command.patient_id)
    if command.expected_revision is not None and preference.revision != command.expected_revision:
        raise PreconditionFailed("Load it again, and send the new ETag in If-Match")
    for channel in Channel:
        out = channel in command.opted_out
        if out or channel in preference.opted_out:  # not having opted out is no answer to a STOP still on its way
            _turn(preference, channel, tx, out=out, said_at=tx.now)
    preference.promotional = command.promotional
    tx.preferences.keep(preference)
    tx.audit(PREFERENCE_WRITE, preference)
    return preference


class TurnChannel(Command):
    """Opt one patient out of a channel, or in again, as they said at `said_at`: keywords may come late."""

    patient_id: str
    channel: Channel
    out: bool
    said_at: datetime


async def turn_channel(command: TurnChannel, tx: NotificationsTx) -> None:
    preference = await tx.preferences.of(command.patient_id)
    before = preference.model_copy()
    _turn(preference, command.channel, tx, out=command.out, said_at=min(command.said_at, tx.now))
    if preference != before:
        tx.preferences.keep(preference)
        tx.audit(PREFERENCE_WRITE, preference)


def _turn(preference: Preference, channel: Channel, tx: NotificationsTx, *, out: bool, said_at: datetime) -> None:
    if not out:
        preference.opt_in(channel, said_at)
    elif preference.opt_out(channel, said_at):
        tx.publish(RecipientOptedOut.of(preference, channel=channel))
