"""Whose things these are: which accounts stand for a subject of record, known locally, learned from its owner.

Another service owns the subjects and announces changes by events; this keeps the little that permission checks need
(clinic, accounts, active). What has not been heard of yet is asked for, so a subject that was created a moment ago
is known at once.
"""

import contextlib
from typing import Protocol

from cachetools import TTLCache
from pydantic import BaseModel, ConfigDict
from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from libs.common.errors import NotFound
from libs.common.mongo.database import Database, Raw
from libs.common.mongo.tx import Tx
from libs.common.security.caller import Caller, Reach

SUBJECTS = "subjects"
_ACCOUNTS_ASKED = "subject_accounts"
_REMEMBERED_SECONDS = 5.0


class Subject(BaseModel):
    """A subject of record as others need to know it. `seq` orders what is heard about it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    clinic_id: str
    accounts: list[str] = []
    active: bool = True
    seq: int = 0


class SubjectOwner(Protocol):
    """The service that owns subjects, asked over its internal API."""

    async def subject(self, subject_id: str) -> Subject | None: ...

    async def subjects_of(self, account_id: str) -> list[Subject]: ...


class SubjectDirectory:
    """Local knowledge of subjects, completed on demand. An account stands for those in use, or for `all_of_account`."""

    def __init__(
        self,
        db: Database,
        owner: SubjectOwner,
        *,
        missing: type[NotFound],
        collection: str = SUBJECTS,
        all_of_account: bool = False,
    ) -> None:
        self._db = db
        self._rows = db[collection]
        self._owner = owner
        self._missing = missing
        self._of_account = {} if all_of_account else {"active": True}
        self._by_id: TTLCache[str, Subject] = TTLCache(maxsize=10_000, ttl=_REMEMBERED_SECONDS)
        self._by_account: TTLCache[str, dict[str, str]] = TTLCache(maxsize=10_000, ttl=_REMEMBERED_SECONDS)

    async def build_indexes(self) -> None:
        await self._rows.create_indexes([IndexModel([("accounts", ASCENDING)], name="accounts")])

    async def require(self, subject_id: str, caller: Caller) -> Subject:
        """The subject, if it is active and within the caller's reach; else `missing`, as if there were none."""
        subject = self._by_id.get(subject_id) or await self._find(subject_id)
        if subject is None or not subject.active or not _within_reach(subject, caller):
            raise self._missing
        if caller.kind == "account" and subject_id not in caller.owns:
            self._by_account.pop(caller.id, None)  # it is newer than what is remembered of the account
        return subject

    async def of_account(self, account_id: str) -> dict[str, str]:
        """Subject id -> clinic id, for everything this account stands for; at most five seconds old."""
        known = self._by_account.get(account_id)
        if known is None:
            if await self._db[_ACCOUNTS_ASKED].find_one({"_id": account_id}) is None:
                await self._learn_account(account_id)
            rows = await self._rows.find({"accounts": account_id, **self._of_account}).to_list()
            known = {row["_id"]: row["clinic_id"] for row in rows}
            self._by_account[account_id] = known
        return known

    async def _find(self, subject_id: str) -> Subject | None:
        subject = await known_subject(self._db, subject_id, self._rows.name) or await self._learn(subject_id)
        if subject is not None:
            self._by_id[subject_id] = subject
        return subject

    async def _learn(self, subject_id: str) -> Subject | None:
        subject = await self._owner.subject(subject_id)
        if subject is not None:
            await self._remember(subject)
        return subject

    async def _learn_account(self, account_id: str) -> None:
        for subject in await self._owner.subjects_of(account_id):
            await self._remember(subject)
        await self._db[_ACCOUNTS_ASKED].update_one({"_id": account_id}, {"$set": {}}, upsert=True)

    async def _remember(self, subject: Subject) -> None:
        """Keep it unless an event has told something newer meanwhile."""
        older = {"_id": subject.id, "seq": {"$lt": subject.seq}}
        with contextlib.suppress(DuplicateKeyError):  # the row is there, and is not older
            await self._rows.update_one(older, {"$set": _row(subject)}, upsert=True)
        for account in subject.accounts:
            self._by_account.pop(account, None)


async def known_subject(db: Database, subject_id: str, collection: str = SUBJECTS) -> Subject | None:
    """What has been heard of it; its owner is not asked."""
    raw = await db[collection].find_one({"_id": subject_id})
    return None if raw is None else Subject.model_validate({**raw, "id": raw["_id"]})


async def learn_subject(tx: Tx, subject: Subject, collection: str = SUBJECTS) -> None:
    """For handlers of the owner's events: keep what the event says, unless something newer is known."""
    known = await tx.db[collection].find_one({"_id": subject.id})
    if known is None or known["seq"] < subject.seq:
        tx.stage_update(collection, {"_id": subject.id}, {"$set": _row(subject)})


def _row(subject: Subject) -> Raw:
    return subject.model_dump(exclude={"id"})


def _within_reach(subject: Subject, caller: Caller) -> bool:
    if caller.reach is Reach.EVERYWHERE:
        return True
    if caller.kind == "account" and caller.reach is Reach.OWN:
        return caller.id in subject.accounts
    return subject.clinic_id in caller.clinic_ids()
