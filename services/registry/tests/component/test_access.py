"""All routes times all roles, from the permission table."""

from libs.common.testing.access_matrix import cases, violations
from libs.common.testing.service_under_test import ServiceUnderTest
from libs.contracts.roles import Role


async def test_every_route_lets_in_whom_the_table_says_and_nobody_else(service: ServiceUnderTest) -> None:
    assert len(cases(service, Role)) >= len(Role)
    assert await violations(service, Role) == []
