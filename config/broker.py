"""Celery's Redis transport with one fault mended: a worker at work outlives the death of its Redis.

kombu (5.7.0, the newest at the time of writing) gives back unacknowledged messages when it closes a channel, and
acknowledges one when its task ends. On a channel whose connection is gone both fail with an AttributeError, which is
not among the errors that Celery takes for a lost connection: whenever a task was in flight, the worker ended as
"Unrecoverable error" instead of connecting again. The message itself may be lost: it is a doorbell.
"""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as RedisConnectionError


class Channel(redis.Channel):
    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        """Of the connection that this channel belongs to; ConnectionError when it was closed under the channel."""
        if self.connection is None or self.connection.client is None:
            raise RedisConnectionError("The connection of this channel is closed.")
        return super()._connparams(asynchronous=asynchronous)


class Transport(redis.Transport):
    Channel = Channel


def use() -> None:
    """Let `redis://`, `rediss://` and `redis+socket://` mean this transport: their names win over a setting."""
    for name in ("redis", "rediss"):
        TRANSPORT_ALIASES[name] = f"{__name__}:Transport"
