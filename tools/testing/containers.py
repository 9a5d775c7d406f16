"""The parts as containers of the real images, for a test run on a machine with Docker (`make test CONTAINERS=1`)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError
from testcontainers.core.container import DockerContainer

from libs.common.testing.parts import NotReady
from libs.common.testing.parts.process import until_ready
from libs.common.testing.parts.rabbit import ping_rabbit
from libs.common.testing.parts.redis import ping_redis

MONGO, REDIS, RABBITMQ = "mongo:8", "redis:7", "rabbitmq:4-management"
STARTED_WITHIN_SECONDS = 120.0
_INITIATED_ALREADY = 23


@asynccontextmanager
async def containers() -> AsyncIterator[Mapping[str, str]]:
    """Mongo (a replica set, for its transactions), Redis and RabbitMQ on free ports, by the variables tests read."""
    mongo = DockerContainer(MONGO, command="mongod --replSet rs0 --bind_ip_all").with_exposed_ports(27017)
    redis = DockerContainer(REDIS).with_exposed_ports(6379)
    rabbitmq = DockerContainer(RABBITMQ).with_exposed_ports(5672)
    every = (mongo, redis, rabbitmq)
    try:
        await asyncio.gather(*(asyncio.to_thread(container.start) for container in every))
        mongo_url = f"mongodb://{_address(mongo, 27017)}/?directConnection=true"
        urls = {
            "CLINIC_TEST_MONGODB_URL": mongo_url,
            "CLINIC_TEST_REDIS_URL": f"redis://{_address(redis, 6379)}",
            "CLINIC_TEST_AMQP_URL": f"amqp://guest:guest@{_address(rabbitmq, 5672)}/",
        }
        await asyncio.gather(
            until_ready(partial(_primary, mongo_url), STARTED_WITHIN_SECONDS),
            until_ready(partial(ping_redis, urls["CLINIC_TEST_REDIS_URL"]), STARTED_WITHIN_SECONDS),
            until_ready(partial(ping_rabbit, urls["CLINIC_TEST_AMQP_URL"]), STARTED_WITHIN_SECONDS),
        )
        yield urls
    finally:
        await asyncio.gather(*(asyncio.to_thread(container.stop) for container in every))


def _address(container: DockerContainer, port: int) -> str:
    return f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"


async def _primary(url: str) -> None:
    """NotReady until the server takes writes; a replica set of one must be told so once."""
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(url, serverSelectionTimeoutMS=1000)
    try:
        if (await client.admin.command("hello"))["isWritablePrimary"]:
            return
        await client.admin.command("replSetInitiate")
    except OperationFailure as refusal:
        if refusal.code != _INITIATED_ALREADY:
            raise
    except PyMongoError as error:
        raise NotReady(str(error)) from error
    finally:
        await client.close()
    raise NotReady("not primary yet")
