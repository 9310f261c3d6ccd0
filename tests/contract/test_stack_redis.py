"""The private Redis: on its socket only, with a password, empty before each test."""

import pytest
import redis.asyncio
import redis.exceptions

from engine.stack.redis import Redis

pytestmark = pytest.mark.redis


async def test_redis_answers_its_password_and_listens_on_no_port(redis_url: str) -> None:
    client = redis.asyncio.Redis.from_url(redis_url, socket_timeout=5)
    try:
        assert await client.set("key", "value")
        assert (await client.config_get("port"))["port"] == "0"
        assert (await client.config_get("save"))["save"] == ""
    finally:
        await client.aclose()


async def test_each_test_finds_redis_empty(redis_url: str) -> None:
    client = redis.asyncio.Redis.from_url(redis_url, socket_timeout=5)
    try:
        assert await client.dbsize() == 0
    finally:
        await client.aclose()


async def test_wrong_password_is_refused(redis_server: Redis) -> None:
    wrong = redis_server.url().replace(redis_server.password, "wrong")
    client = redis.asyncio.Redis.from_url(wrong, socket_timeout=5)
    try:
        with pytest.raises(redis.exceptions.RedisError, match="invalid username-password"):
            await client.ping()
    finally:
        await client.aclose()
