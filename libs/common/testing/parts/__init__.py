"""Real MongoDB-protocol, Redis, RabbitMQ and S3 servers as child processes, for the dev runner and for tests.

Each part listens on loopback, keeps its data in the folder it is given, and dies with the process that
started it:

    async with RedisPart(folder) as redis:
        use(redis.url)
        redis.freeze()   # SIGSTOP: it accepts connections and answers nothing
        redis.thaw()
        redis.kill()     # SIGKILL; `await redis.start()` brings it back on the same port with the same data
"""

from libs.common.testing.parts.mongo import MongoPart
from libs.common.testing.parts.process import LocalProcess, NotReady, ProcessFailed, free_port
from libs.common.testing.parts.rabbit import RabbitPart
from libs.common.testing.parts.redis import RedisPart
from libs.common.testing.parts.s3 import S3Part

__all__ = [
    "LocalProcess",
    "MongoPart",
    "NotReady",
    "ProcessFailed",
    "RabbitPart",
    "RedisPart",
    "S3Part",
    "free_port",
]
