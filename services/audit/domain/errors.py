"""What audit refuses."""

from libs.common.errors import Conflict


class EntryKnown(Conflict):
    """The message was recorded before; there is nothing to do."""

    code = "entry_known"
    title = "The entry is on record already"
