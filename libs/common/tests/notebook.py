"""A service made for the kernel's own tests: notes that people of a clinic write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from beanie import Document
from fastapi import APIRouter, Depends, FastAPI, Response
from pydantic import BaseModel, Field
from pymongo import ASCENDING, IndexModel

from libs.common.aggregate import Aggregate
from libs.common.command import Command
from libs.common.errors import Conflict, NotFound, Unavailable
from libs.common.ids import new_id
from libs.common.messaging.events import Event
from libs.common.mongo.repository import Repository
from libs.common.mongo.transact import Transactor, holds
from libs.common.mongo.tx import Tx
from libs.common.runtime import Runtime
from libs.common.security.caller import Caller
from libs.common.security.permissions import CLINIC, OWN, permission, public, requires
from libs.common.settings import ServiceSettings
from libs.common.subjects import SubjectDirectory
from libs.common.testing.service_under_test import KnownSubjects, ServiceUnderTest, service_under_test
from libs.common.web.app import create_app
from libs.common.web.body import Body
from libs.common.web.dependencies import subject_directory, transactor
from libs.common.web.etag import set_etag
from libs.common.web.idempotency import IdempotencyKey, OptionalIdempotencyKey
from libs.common.web.pagination import Page, PageCursor

NOTE_READ = permission("notebook:note:read", {"writer": CLINIC, "patient": OWN})
NOTE_WRITE = permission("notebook:note:write", {"writer": CLINIC})
NOTE_BURN = permission("notebook:note:burn", {"writer": CLINIC}, step_up=True)


class NoteUnknown(NotFound):
    code = "note_unknown"
    title = "There is no such note"


class TitleTaken(Conflict):
    code = "title_taken"
    title = "There is a note of that title"


class NoteWritten(Event):
    publisher = "notebook"
    type = "NOTE_WRITTEN"
    aggregate_type = "note"
    note_id: str


class Note(Aggregate):
    title: str
    about: str = ""
    secret: str = ""
    edits: int = 0

    @property
    def subject_id(self) -> str:
        return self.about


class NoteDocument(Note, Document):
    class Settings:
        name = "notes"
        indexes = [
            IndexModel([("clinic_id", ASCENDING), ("title", ASCENDING)], name="title", unique=True),
            IndexModel([("about", ASCENDING)], name="about"),
        ]


class Notes(Repository[Note]):
    document = NoteDocument
    aggregate = Note
    missing = NoteUnknown
    owners = {"patient": "about"}
    duplicates = {"title": lambda _: TitleTaken()}
    masked = frozenset({"secret"})


class NotebookTx(Tx):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.notes = Notes(self)


class WriteNote(Command):
    titles: list[str]
    about: str = ""
    secret: str = ""


@holds(lambda command: [f"note:{title}" for title in command.titles], taken=TitleTaken)
async def write_notes(command: WriteNote, tx: NotebookTx) -> list[Note]:
    """Several titles are several documents, and so a transaction."""
    notes = []
    for title in command.titles:
        note = Note(id=new_id("note"), clinic_id=tx.clinic_id, title=title, about=command.about, secret=command.secret)
        tx.notes.add(note)
        tx.publish(NoteWritten.of(note))
        tx.audit(NOTE_WRITE, note)
        notes.append(note)
    return notes


class EditNote(Command):
    note_id: str
    secret: str = ""


async def edit_note(command: EditNote, tx: NotebookTx) -> Note:
    note = await tx.notes.get(command.note_id)
    note.edits += 1
    note.secret = command.secret or note.secret
    tx.notes.save(note)
    tx.publish(NoteWritten.of(note))
    tx.audit(NOTE_WRITE, note)
    return note


async def look_at_note(command: EditNote, tx: NotebookTx) -> Note:
    """Changes nothing, and goes on record all the same."""
    note = await tx.notes.get(command.note_id)
    tx.audit(NOTE_READ, note)
    return note


async def get_note(command: EditNote, tx: NotebookTx) -> Note:
    return await tx.notes.get(command.note_id)


class NoteBody(Body):
    titles: list[str]
    pinned: bool = False
    about: str | None = None
    colour: (
        Annotated[str, Field(pattern="^[0-9a-f]{6}$", description="Six hexadecimal digits", examples=["ff8800"])] | None
    ) = None


class NoteView(BaseModel):
    id: str
    title: str


Transact = Annotated[Transactor[NotebookTx], Depends(transactor)]
router = APIRouter()


@router.post("/notes", status_code=201)
async def post_notes(
    body: NoteBody,
    caller: Annotated[Caller, requires(NOTE_WRITE)],
    key: IdempotencyKey,
    transact: Transact,
    people: Annotated[SubjectDirectory, Depends(subject_directory)],
) -> list[NoteView]:
    if body.about is not None:
        await people.require(body.about, caller)
    notes = await transact(write_notes, WriteNote(titles=body.titles), by=caller, once=key)
    return [NoteView(id=note.id, title=note.title) for note in notes]


@router.get("/notes/{note_id}")
async def read_note(
    note_id: str, caller: Annotated[Caller, requires(NOTE_READ)], transact: Transact, response: Response
) -> NoteView:
    note = await transact.read(get_note, EditNote(note_id=note_id), by=caller)
    set_etag(response, note.revision)
    return NoteView(id=note.id, title=note.title)


async def _page(cursor: Any, tx: NotebookTx) -> Page[Note]:
    return await tx.notes.page({}, cursor, sort_by="title")


@router.get("/notes")
async def read_notes(
    caller: Annotated[Caller, requires(NOTE_READ)], transact: Transact, cursor: PageCursor
) -> Page[NoteView]:
    page = await transact.read(_page, cursor, by=caller)
    return Page(items=[NoteView(id=n.id, title=n.title) for n in page.items], next_cursor=page.next_cursor)


@router.post("/burn")
async def burn(caller: Annotated[Caller, requires(NOTE_BURN)], _key: OptionalIdempotencyKey) -> str:
    return caller.id


@router.get("/broken", dependencies=[public("a defect, for the tests")])
async def broken() -> None:
    raise ZeroDivisionError("Asha Rao, +919812345678")


@router.get("/away", dependencies=[public("a dependency that is down, for the tests")])
async def away() -> None:
    raise Unavailable("The printer is not answering", retry_after=7)


class NotebookSettings(ServiceSettings):
    service_name: str = "notebook"


class NotebookRuntime(Runtime[NotebookTx]):
    def __init__(self, settings: NotebookSettings, **parts: Any) -> None:
        self.people = KnownSubjects()
        super().__init__(
            settings,
            make_tx=NotebookTx,
            documents=[NoteDocument],
            once_in=[NoteDocument],
            subjects=lambda _: self.people,
            missing_subject=NoteUnknown,
            **parts,
        )


def build(runtime: NotebookRuntime) -> FastAPI:
    return create_app(runtime, title="Notebook", description="For tests.", routers=[router])


@asynccontextmanager
async def notebook(mongodb_url: str, redis_url: str) -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test(
        build, NotebookRuntime, NotebookSettings, mongodb_url=mongodb_url, redis_url=redis_url
    ) as running:
        yield running
