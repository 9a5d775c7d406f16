"""Repositories of the registry; every query carries the caller's sight, see `libs.common.mongo.repository`."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import reduce
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from libs.common.crypto.fields import FieldCrypto
from libs.common.errors import BadRequest
from libs.common.mongo.database import Database, Raw
from libs.common.mongo.repository import Repository
from libs.common.mongo.steps import StaleRevision
from libs.common.mongo.tx import Tx
from libs.common.subjects import Subject
from libs.common.web.pagination import Cursor, Page
from libs.contracts.consents import Purpose
from libs.contracts.roles import PATIENT
from services.registry.domain import spelling
from services.registry.domain.consent import Consent
from services.registry.domain.errors import ConsentUnknown, PatientUnknown, SearchTooBroad
from services.registry.domain.patient import Patient
from services.registry.domain.person_name import PersonName
from services.registry.persistence import documents as stored
from services.registry.persistence.sealing import SealedRepository
from services.registry.use_cases.ports import PatientSearch, RegistryTx

_MOST_RELATED = 50
_MOST_OF_ACCOUNT = 200
_MOST_FOUND = 500
"""A search looks no further: whoever finds that many must ask more narrowly."""
_MOST_COMPARED = 20_000
"""Of those that match one word of several, so many are compared with the others."""
_MRN_DIGITS = 7


def _met_another(_aggregate: Any) -> Exception:
    """Two did the same at once: run again, and see the other's."""
    return StaleRevision()


class PatientRepository(SealedRepository[Patient]):
    document = stored.PatientDocument
    aggregate = Patient
    missing = PatientUnknown
    duplicates = {stored.ONE_MRN: _met_another}
    sealed = ("phones", "email", "address", "birth_date", "abha_number", "abha_address", "guardians")
    masked = frozenset({*sealed, "name", "search"})

    def sight(self) -> Raw:
        """Accounts see the patients whose own list of accounts has them; that is never out of date."""
        actor = self._tx.actor
        return {"accounts": actor.id} if actor.kind == "account" else self._tx.visible({})

    def derived(self, aggregate: Patient) -> Raw:
        values = self._blind(aggregate.clinic_id, aggregate.identifying_values())
        names = spelling.search_keys(aggregate.name.text)
        return {"search": {"values": values, "names": names, "rules": spelling.RULES_VERSION}}

    async def found_by(self, raw: Raw) -> Raw:
        """What this stored patient is found by, by the rules of today."""
        return self.derived(await self._open(raw))

    async def relatives(self, patient_ids: Sequence[str], clinic_id: str) -> list[Patient]:
        if not patient_ids:
            return []
        raws = await self.collection.find({"_id": {"$in": list(patient_ids)}, "clinic_id": clinic_id}).to_list()
        return [await self._open(raw) for raw in raws]

    async def among(self, patient_ids: Sequence[str]) -> list[Patient]:
        return await self.find({"_id": {"$in": list(patient_ids)}}) if patient_ids else []

    async def of_accounts(self, accounts: Sequence[str]) -> list[Patient]:
        found = await self.collection.find({"accounts": {"$in": list(accounts)}}, limit=_MOST_RELATED).to_list()
        return [await self._open(raw) for raw in found if self._in_sight(raw)]

    async def sharing(self, values: Sequence[tuple[str, str]]) -> list[Patient]:
        query = {"clinic_id": self._tx.clinic_id, "search.values": {"$in": self._blind(self._tx.clinic_id, values)}}
        found = await self.collection.find(query, limit=_MOST_RELATED).to_list()
        return [await self._open(raw) for raw in found if self._in_sight(raw)]

    async def search(self, wanted: PatientSearch, cursor: Cursor) -> Page[Patient]:
        queries = self._queries(wanted)
        if not queries:
            return await self._latest(cursor)
        ranked = sorted((rank, mrn, _id) for _id, (rank, mrn) in (await self._matches(queries)).items())
        after = _position(cursor)
        behind = [row for row in ranked if after is None or (f"{row[0]:04d}{row[1]}", row[2]) > after]
        shown = behind[: cursor.limit]
        found = {patient.id: patient for patient in await self.find({"_id": {"$in": [row[2] for row in shown]}})}
        last = [f"{shown[-1][0]:04d}{shown[-1][1]}", shown[-1][2]] if len(behind) > cursor.limit else None
        return Page(items=[found[row[2]] for row in shown if row[2] in found], next_cursor=cursor.next(last))

    def _queries(self, wanted: PatientSearch) -> list[tuple[str, list[str]]]:
        """(indexed field, acceptable values, best first) for each thing that must match."""
        clinic_id = self._tx.clinic_id
        queries: list[tuple[str, list[str]]] = []
        for kind in ("phone", "abha_number", "email"):
            value = getattr(wanted, kind)
            if value is not None:
                queries.append(("search.values", self._blind(clinic_id, [(kind, value.casefold())])))
        if wanted.mrn is not None:
            queries.append(("mrn", [mrn_of(wanted.mrn)]))
        if wanted.name is not None:
            words = spelling.words(PersonName.parse(wanted.name).unprefixed)
            if sum(map(len, words)) < 2:
                raise SearchTooBroad
            queries += [("search.names", spelling.keys_to_find(word)) for word in sorted(words, key=len, reverse=True)]
        return queries

    async def _matches(self, queries: list[tuple[str, list[str]]]) -> dict[str, tuple[int, str]]:
        """Ids of what matches all, with a rank (0 is best) and the MRN. The first query, which is the narrowest, goes
        over its index; the rest is compared here, since an index serves one array at a time, until enough match all."""
        field, keys = queries[0]
        query = {"clinic_id": self._tx.clinic_id, field: {"$in": keys}}
        candidates = self.collection.find(query, {"search": 1, "mrn": 1}, limit=_MOST_COMPARED)
        found: dict[str, tuple[int, str]] = {}
        async for raw in candidates:
            ranks = [_rank(_at(raw, field), keys) for field, keys in queries]
            if None not in ranks:
                found[raw["_id"]] = (sum(rank for rank in ranks if rank is not None), raw["mrn"])
            if len(found) == _MOST_FOUND:
                break
        return found

    async def _latest(self, cursor: Cursor) -> Page[Patient]:
        """The patients of the clinic, the latest first, as windows of consecutive numbers: each has its bounds, so
        it costs the same however many there are. A page is short where numbers are missing."""
        after = _position(cursor)
        if after is None:
            top = await self._tx.db[stored.MRN_SEQUENCES].find_one({"_id": self._tx.clinic_id})
            last = 0 if top is None else int(top["last"])
        else:
            last = int(after[0]) if after[0].isdecimal() else 0
        window = {"clinic_id": self._tx.clinic_id, "mrn": {"$gt": mrn(last - cursor.limit), "$lte": mrn(last)}}
        items = [await self._open(raw) for raw in await self.collection.find(window, sort=[("mrn", -1)]).to_list()]
        more = [str(last - cursor.limit), ""] if last > cursor.limit else None
        return Page(items=items, next_cursor=cursor.next(more))

    def _in_sight(self, raw: Raw) -> bool:
        """`sight`, for documents that were found by what all of the clinics share."""
        actor = self._tx.actor
        return actor.id in raw["accounts"] if actor.kind == "account" else raw["clinic_id"] in actor.clinic_ids()

    def _blind(self, clinic_id: str, values: Sequence[tuple[str, str]]) -> list[str]:
        return sorted({self._crypto.blind_index(clinic_id, kind, value) for kind, value in values})


def mrn(number: int) -> str:
    """Medical record numbers are short and sort as text: 0000123."""
    return f"{max(number, 0):0{_MRN_DIGITS}d}"


def mrn_of(typed: str) -> str:
    """What people type for one: the zeros in front may be missing."""
    text = typed.strip()
    return text.zfill(_MRN_DIGITS) if text.isdecimal() else text


def _at(raw: Raw, field: str) -> list[str]:
    value: Any = reduce(lambda part, name: part[name], field.split("."), raw)
    return value if isinstance(value, list) else [value]


def _rank(present: Sequence[str], keys: Sequence[str]) -> int | None:
    """The place of the best of `keys` that is there."""
    return next((place for place, key in enumerate(keys) if key in present), None)


def _position(cursor: Cursor) -> tuple[str, str] | None:
    if cursor.after is None:
        return None
    position, last_id = cursor.after
    if not isinstance(position, str) or not isinstance(last_id, str):
        raise BadRequest("The cursor belongs to another list")
    return position, last_id


class MongoAccessDirectory:
    """`AccessDirectory`: for services, which see all clinics."""

    _FIELDS = {"clinic_id": 1, "accounts": 1, "active": 1, "revision": 1}

    def __init__(self, db: Database) -> None:
        self._patients = db[stored.PatientDocument.Settings.name]

    async def of_patient(self, patient_id: str) -> Subject | None:
        raw = await self._patients.find_one({"_id": patient_id}, self._FIELDS)
        return None if raw is None else _subject(raw)

    async def of_account(self, account_id: str) -> list[Subject]:
        found = await self._patients.find({"accounts": account_id}, self._FIELDS, limit=_MOST_OF_ACCOUNT).to_list()
        return [_subject(raw) for raw in found]


def _subject(raw: Raw) -> Subject:
    return Subject.model_validate({**raw, "id": raw["_id"], "seq": raw["revision"]})


class MongoMrnSequence:
    """`MrnSequence` by an atomic counter per clinic, outside of the transaction: registrations do not wait for one
    another, and a retry takes another number."""

    def __init__(self, db: Database) -> None:
        self._sequences = db[stored.MRN_SEQUENCES]

    async def next(self, clinic_id: str) -> str:
        one_more = {"$inc": {"last": 1}}
        while True:
            counted = await self._sequences.find_one_and_update(
                {"_id": clinic_id}, one_more, return_document=ReturnDocument.AFTER
            )
            if counted is not None:
                return mrn(counted["last"])
            with suppress(DuplicateKeyError):  # another has begun the clinic's sequence at this moment
                await self._sequences.insert_one({"_id": clinic_id, "last": 0})


class ConsentRepository(Repository[Consent]):
    document = stored.ConsentDocument
    aggregate = Consent
    missing = ConsentUnknown
    owners = {PATIENT: "patient_id"}
    duplicates = {stored.ONE_IN_FORCE: _met_another}
    masked = frozenset({"withdraw_reason"})

    async def in_force(self, patient_id: str, purpose: Purpose) -> Consent | None:
        """Asked after the patient was loaded, so sight is settled."""
        raw = await self.collection.find_one({"patient_id": patient_id, "purpose": purpose.value, "in_force": True})
        return None if raw is None else self._read(raw)

    async def history(self, patient_id: str) -> list[Consent]:
        raws = await self.collection.find({"patient_id": patient_id}, sort=[("_id", -1)], limit=_MOST_FOUND).to_list()
        return [self._read(raw) for raw in raws]


class MongoRegistryTx(RegistryTx):
    """`RegistryTx` over MongoDB."""

    def __init__(self, *args: Any, crypto: FieldCrypto, account_of: Callable[[str], str], **kwargs: Any) -> None:
        Tx.__init__(self, *args, **kwargs)
        self.patients = PatientRepository(self, crypto)
        self.access = MongoAccessDirectory(self.db)
        self.mrns = MongoMrnSequence(self.db)
        self.consents = ConsentRepository(self)
        self.account_of = account_of
