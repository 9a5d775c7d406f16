"""The catalog of events says what the services do."""

from importlib import import_module

import pytest

from libs.common.messaging.consumer import inbox_of, subscriptions
from libs.contracts.catalog import SUBSCRIBERS, inboxes
from tests.architecture.test_rooms import ROOT

TABLES = sorted(table.parts[-3] for table in ROOT.glob("services/*/consumers/subscriptions.py"))


def test_all_subscribers_are_in_the_catalog() -> None:
    assert sorted(SUBSCRIBERS) == TABLES


@pytest.mark.parametrize("service", TABLES)
def test_relays_make_the_inbox_that_its_consumer_makes(service: str) -> None:
    page = import_module(f"services.{service}.consumers.subscriptions")
    own = inbox_of(service, [*subscriptions(page.SUBSCRIPTIONS), *getattr(page, "ENTRIES", ())])
    declared = {inbox.service: inbox for inbox in inboxes()}[service]
    assert set(declared.bindings) == set(own.bindings)
