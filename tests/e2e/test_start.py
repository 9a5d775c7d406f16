"""What a start costs: the whole platform with its parts, as `make up` starts it."""

from tests.e2e.world import World


async def test_it_is_ready_within_a_minute_and_three_gibibytes(world: World) -> None:
    assert world.state.ready_after_seconds is not None
    assert world.state.rss_mib is not None
    assert world.state.ready_after_seconds < 60
    assert world.state.rss_mib < 3 * 1024
