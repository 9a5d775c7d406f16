"""Which withdrawn consents stop a message."""

import pytest

from services.notifications.domain.policy import consented
from services.notifications.domain.purposes import Category
from services.notifications.tests.unit.test_notification_life import queued


@pytest.mark.parametrize(
    ("category", "withdrawn", "may_go"),
    [
        (Category.TRANSACTIONAL, "notifications_whatsapp", False),
        (Category.TRANSACTIONAL, "notifications_sms", True),
        (Category.TRANSACTIONAL, "marketing", True),
        (Category.PROMOTIONAL, "marketing", False),
    ],
)
def test_of_its_channel_and_for_advertising_that_to_it(category: Category, withdrawn: str, may_go: bool) -> None:
    on_whatsapp = queued().model_copy(update={"category": category})
    assert consented(on_whatsapp, {withdrawn}) is may_go
