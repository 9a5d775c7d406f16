"""Checking a chain: every link, and that its end has not been cut off."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.common.aggregate import Aggregate
from services.audit.domain.audit_event import GENESIS, AuditEvent, Link


class ChainHead(Aggregate):
    """How long a chain was when we last looked: without it, entries missing at the end would not show.

    Its id is the chain's. It comes with the first entry and follows the chain within a second, so it never is ahead
    of it, and one that is missing was taken away: it is never made anew.
    """

    seq: int
    seal: str
    witnessed_at: datetime
    witness: str

    @classmethod
    def of(cls, chain_id: str, last: Link, now: datetime, key: bytes) -> "ChainHead":
        head = cls(id=chain_id, clinic_id=chain_id, seq=last.seq, seal=last.seal, witnessed_at=now, witness="")
        head.witness = head.expected_witness(key)
        return head

    @classmethod
    def unreadable(cls, chain_id: str) -> "ChainHead":
        """Stands for a note that does not read as one; it is not genuine."""
        never = datetime.min.replace(tzinfo=UTC)
        return cls(id=chain_id, clinic_id=chain_id, seq=0, seal="", witnessed_at=never, witness="")

    def expected_witness(self, key: bytes) -> str:
        return hmac.digest(key, f"{self.id}\n{self.seq}\n{self.seal}".encode(), "sha256").hex()

    def is_genuine(self, key: bytes) -> bool:
        return _same(self.witness, self.expected_witness(key))


def _same(found: str, expected: str) -> bool:
    """Compared as bytes: what somebody wrote into the database need not be ASCII."""
    return hmac.compare_digest(found.encode(errors="replace"), expected.encode())


@dataclass(frozen=True, slots=True)
class Flaw:
    """The first thing found wrong: at which place of the chain, and what."""

    seq: int
    what: str


class ChainCheck:
    """Feed it a chain's entries in order of `seq`, then ask `flaw`."""

    def __init__(self, key: bytes, head: ChainHead | None) -> None:
        self._key = key
        self._head = head
        self._previous = GENESIS
        self._flaw: Flaw | None = None
        self.entries = 0

    def add(self, event: AuditEvent | None) -> bool:
        """Look at the next entry, None for what does not read as one; False when there is no use in going on."""
        expected_seq = self.entries + 1
        if event is None:
            self._flaw = Flaw(expected_seq, "the entry does not read as one")
            return False
        if event.seq != expected_seq:
            self._flaw = Flaw(expected_seq, "an entry is missing or stands twice")
        elif event.previous != self._previous:
            self._flaw = Flaw(event.seq, "the entry does not follow the one before it")
        elif event.clinic_id != event.chain_id or event.revision != 1:
            self._flaw = Flaw(event.seq, "the entry was moved")
        elif not _same(event.seal, event.expected_seal(self._key)):
            self._flaw = Flaw(event.seq, "the entry was changed")
        elif self._head is not None and event.seq == self._head.seq and event.seal != self._head.seal:
            self._flaw = Flaw(event.seq, "the entry was replaced")
        if self._flaw is not None:
            return False
        self._previous = event.seal
        self.entries = expected_seq
        return True

    def flaw(self) -> Flaw | None:
        """What is wrong with the chain as a whole; None when it holds."""
        if self._flaw is not None:
            return self._flaw
        if self._head is None:
            return Flaw(self.entries, "the note of the chain's length is missing")
        if not self._head.is_genuine(self._key):
            return Flaw(self._head.seq, "the note of the chain's length was changed")
        if self.entries < self._head.seq:
            return Flaw(self.entries + 1, f"the chain ends early: it had {self._head.seq} entries")
        return None
