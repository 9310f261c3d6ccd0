"""Redis: what cells share and what pages see. Every use of it survives Redis being away."""

from engine.adapters.redis.leases import RedisLeases
from engine.adapters.redis.presence import RedisPresence

__all__ = ["RedisLeases", "RedisPresence"]
