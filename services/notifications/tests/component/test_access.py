"""All routes times all roles, and whose messages whom can see."""

from libs.common.testing.access_matrix import cases, violations
from libs.contracts.roles import ADMIN, Role
from services.notifications.tests.builders import Desk


async def test_every_route_lets_in_whom_the_table_says_and_nobody_else(desk: Desk) -> None:
    assert len(cases(desk.service, Role)) >= len(Role)
    assert await violations(desk.service, Role) == []


async def test_people_see_their_own_messages_and_clinics_theirs(desk: Desk) -> None:
    mine, other = desk.patient(), desk.patient("+919000000009")
    await desk.books(mine)
    await desk.books(other)
    token = desk.account()
    own = await desk.call("GET", "/notifications", token=token)
    assert [item["patient_id"] for item in own.body["items"]] == [mine]
    assert await desk.told(other, token=token) == []
    assert await desk.told(mine, token=desk.service.mint.staff(ADMIN, "cln_other")) == []
    [others] = await desk.told(other)
    hidden = await desk.call("GET", f"/notifications/{others['id']}", token=token)
    missing = await desk.call("GET", "/notifications/ntf_missing", token=token)
    assert (hidden.status, hidden.code) == (404, "notification_unknown")
    assert {**hidden.body, "request_id": ""} == {**missing.body, "request_id": ""}


async def test_a_list_comes_in_pages_newest_first(desk: Desk) -> None:
    patient = desk.patient()
    for _ in range(5):
        await desk.books(patient)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for expected in (2, 2, 1):
        page = await desk.call("GET", "/notifications", params={"patient_id": patient, "limit": 2, **cursor})
        assert len(page.body["items"]) == expected
        seen += [item["id"] for item in page.body["items"]]
        cursor = {"cursor": page.body["next_cursor"]}
    assert page.body["next_cursor"] is None
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 5
