"""Change what a patient wants to be told: in the app or at the desk, or by a keyword to one of our numbers."""

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
        _turn(preference, channel, tx, out=channel in command.opted_out)
    preference.promotional = command.promotional
    tx.preferences.keep(preference)
    tx.audit(PREFERENCE_WRITE, preference)
    return preference


class TurnChannel(Command):
    """Opt one patient out of a channel, or in again."""

    patient_id: str
    channel: Channel
    out: bool


async def turn_channel(command: TurnChannel, tx: NotificationsTx) -> bool:
    """Whether that was news."""
    preference = await tx.preferences.of(command.patient_id)
    if not _turn(preference, command.channel, tx, out=command.out):
        return False
    tx.preferences.keep(preference)
    tx.audit(PREFERENCE_WRITE, preference)
    return True


def _turn(preference: Preference, channel: Channel, tx: NotificationsTx, *, out: bool) -> bool:
    if not out:
        return preference.opt_in(channel)
    if not preference.opt_out(channel, tx.now):
        return False
    tx.publish(RecipientOptedOut.of(preference, channel=channel))
    return True
