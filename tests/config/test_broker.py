"""A channel whose connection is gone says so in words that Celery understands."""

import pytest
from celery import current_app
from kombu import Connection

from config import broker


def test_whoever_uses_a_channel_whose_connection_is_gone_hears_of_a_lost_connection():
    connection = current_app.connection_for_write()
    channel = connection.channel()
    connection.collect()  # as Celery does after a loss
    with pytest.raises(connection.connection_errors, match="closed"):
        channel.queue_purge("nobody's")


@pytest.mark.parametrize("url", ["redis://r:6379/0", "rediss://r:6380/0", "redis+socket:///r.sock?virtual_host=1"])
def test_every_address_of_a_redis_means_our_transport(url):
    assert Connection(url).get_transport_cls() is broker.Transport
