"""Every event has its example and its schema, and neither has drifted."""

import copy

import orjson
import pytest

from libs.common.messaging.events import Event
from libs.contracts.catalog import EVENTS
from libs.contracts.scheduling import AppointmentConfirmed
from libs.contracts.snapshots import breaking_changes, example, name_of, schema_file


@pytest.mark.parametrize("event", EVENTS, ids=name_of)
def test_the_schema_is_the_one_that_was_taken_down(event: type[Event]) -> None:
    taken = orjson.loads(schema_file(event).read_bytes())
    assert taken == event.model_json_schema(mode="serialization"), "run `make docs` if the change is compatible"


@pytest.mark.parametrize("event", EVENTS, ids=name_of)
def test_the_example_is_complete_and_valid(event: type[Event]) -> None:
    data = example(event)
    assert set(data) == set(event.model_fields)
    assert event.model_validate(data).model_dump(mode="json") == data


@pytest.mark.parametrize("event", EVENTS, ids=name_of)
def test_no_event_has_room_for_what_a_person_would_not_want_on_the_bus(event: type[Event]) -> None:
    personal = {"phone", "email", "address", "diagnosis", "note", "birth_date", "given_name", "family_name", "code"}
    assert not personal & set(event.model_fields)


def test_types_are_unique_and_in_screaming_snake() -> None:
    assert len({event.routing_key() for event in EVENTS}) == len(EVENTS)
    assert all(event.type == event.type.upper() and " " not in event.type for event in EVENTS)


def test_removed_retyped_and_newly_required_fields_are_breaking() -> None:
    schema = AppointmentConfirmed.model_json_schema(mode="serialization")
    removed, retyped, required = copy.deepcopy(schema), copy.deepcopy(schema), copy.deepcopy(schema)
    del removed["properties"]["mode"]
    retyped["properties"]["mode"] = {"type": "integer"}
    required["properties"]["fee"] = {"type": "integer"}
    required["required"].append("fee")
    assert breaking_changes(schema, removed) == ["mode was removed"]
    assert breaking_changes(schema, retyped) == ["mode changed its type"]
    assert breaking_changes(schema, required) == ["fee became required"]


def test_an_added_optional_field_is_compatible_and_readers_ignore_it() -> None:
    schema = AppointmentConfirmed.model_json_schema(mode="serialization")
    added = copy.deepcopy(schema)
    added["properties"]["room"] = {"type": "string", "default": ""}
    assert breaking_changes(schema, added) == []
    assert AppointmentConfirmed.model_validate({**example(AppointmentConfirmed), "room": "1"})
