"""From the bell to Redis: the names of what has changed, and nothing else."""

from __future__ import annotations

import json
import logging
from functools import cache
from typing import Any

import redis
from django.conf import settings

log = logging.getLogger(__name__)

CHANNEL = "controltower:live"


@cache
def _connection() -> redis.Redis:
    """Its own pool with short time-outs: a slow Redis must not slow the engine."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)


def publish(*, topics: frozenset[str], **_: Any) -> None:
    """Tell every web process. What is lost while Redis is away, pages fetch when they resync."""
    try:
        _connection().publish(CHANNEL, json.dumps(sorted(topics)))
    except redis.RedisError as error:
        log.warning("live pages not told: %s", type(error).__name__)
