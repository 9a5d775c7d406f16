"""Request ids are TypeIDs of version 7, like all others."""

import re
import time
from datetime import UTC, datetime

from typeid import TypeID

from gateway.request_ids import new_request_id
from libs.common.ids import first_id_at, id_pattern


def test_they_read_and_sort_like_all_other_ids() -> None:
    before = first_id_at("req", datetime.now(UTC))
    ids = {new_request_id() for _ in range(10_000)}
    after = first_id_at("req", datetime.fromtimestamp(time.time() + 0.002, UTC))
    assert len(ids) == 10_000
    for made in ids:
        assert re.match(id_pattern("req"), made)
        assert before <= made < after
        assert TypeID.from_string(made).uuid.version == 7
