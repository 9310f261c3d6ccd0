"""Questions to other systems, asked of real servers over TLS: signed, bounded, and only where they may go."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from engine.adapters.webhook import Gate, Hosts, HttpWebhooks
from engine.adapters.webhook.addresses import Forbidden
from engine.adapters.webhook.client import ANSWER_MAX_BYTES, PER_HOST_MAX
from engine.adapters.webhook.signature import signature
from engine.fakes.metrics import FakeMetrics
from engine.flow.nodes.outside import Method
from engine.ids import CallId
from engine.run_ports import WebhookAsked, WebhookRefused, WebhookTimeout, WebhookUnreadable
from tests.eventually import until

SECRET = b"0123456789abcdef0123456789abcdef"
HOST = "crm.example.org"
ROOT = Path(__file__).parents[2]

Answerer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for crm.example.org that signs itself, and its key."""
    place = tmp_path_factory.mktemp("tls")
    key, pem = place / "key.pem", place / "cert.pem"
    names = f"subjectAltName=DNS:{HOST},DNS:other.example.org"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", pem, "-days", "2",
         "-subj", f"/CN={HOST}", "-addext", names],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return pem, key


class Site:
    """A server of somebody else's, and the webhooks that ask it."""

    def __init__(self, port: int, certificate: tuple[Path, Path]) -> None:
        self.port = port
        self._pem = certificate[0]
        self.asked: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.resolved: list[str] = []

    def gate(self, **changes: Any) -> Gate:
        async def resolve(host: str, port: int, family: int) -> list[tuple[str, int]]:
            self.resolved.append(host)
            return [("127.0.0.1", socket.AF_INET)]

        fields: dict[str, Any] = {
            "secret": SECRET, "hosts": Hosts(frozenset({HOST, "other.example.org", "bad.example.net"})),
            "ca_file": self._pem, "resolve": resolve, **changes,
        }  # fmt: skip
        return Gate(**fields)

    @asynccontextmanager
    async def webhooks(self, **changes: Any) -> AsyncIterator[HttpWebhooks]:
        async with HttpWebhooks(self.gate(**changes), FakeMetrics()) as webhooks:
            yield webhooks

    def question(self, path: str = "/pin", host: str = HOST, **changes: Any) -> WebhookAsked:
        fields: dict[str, Any] = {
            "key": "c1:verify:3", "call": CallId("c1"), "script": "a" * 64, "url": f"https://{host}:{self.port}{path}",
            "method": Method.POST, "query": {}, "body": {"pin": "1234"}, "headers": {"X-Own": "yes"},
            "timeout_s": 2.0, "retries": 0, **changes,
        }  # fmt: skip
        return WebhookAsked(**fields)


@asynccontextmanager
async def serving(certificate: tuple[Path, Path], answer: Answerer) -> AsyncIterator[Site]:
    site: Site

    async def handle(request: web.Request) -> web.StreamResponse:
        site.asked.append(request)
        site.bodies.append(await request.read())
        return await answer(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        listener = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await listener.start()
        port = runner.addresses[0][1]
        site = Site(port, certificate)
        yield site
    finally:
        await runner.cleanup()


async def known(request: web.Request) -> web.StreamResponse:
    return web.json_response({"known": True})


async def test_question_is_signed_as_the_docs_verify_it_and_carries_its_key(certificate: tuple[Path, Path]) -> None:
    async with serving(certificate, known) as site, site.webhooks() as webhooks:
        assert await webhooks.ask(site.question("/pin?v=2", query={"tier": "a b"})) == {"known": True}
    (request,), (body,) = site.asked, site.bodies
    assert json.loads(body) == {"pin": "1234"}
    assert (request.headers["Idempotency-Key"], request.headers["X-Own"]) == ("c1:verify:3", "yes")
    sample = re.search(r"```python\n(.*?)```", (ROOT / "docs/webhooks.md").read_text(), re.DOTALL)
    assert sample is not None
    names: dict[str, Any] = {}
    exec(sample[1], names)
    header = request.headers["X-VSS-Signature"]
    assert names["genuine"](SECRET, header, "POST", request.raw_path, body)
    assert not names["genuine"](SECRET, header, "POST", request.raw_path, body + b" ")
    assert not names["genuine"](b"another", header, "POST", request.raw_path, body)
    old = signature(SECRET, int(time.time()) - 400, "POST", request.raw_path, body)
    assert not names["genuine"](SECRET, old, "POST", request.raw_path, body)


async def test_get_has_its_values_in_the_query_and_no_body(certificate: tuple[Path, Path]) -> None:
    async with serving(certificate, known) as site, site.webhooks() as webhooks:
        await webhooks.ask(site.question(method=Method.GET, query={"paid": True, "n": 3, "name": "Анна", "no": None}))
    assert dict(site.asked[0].query) == {"paid": "true", "n": "3", "name": "Анна"}
    assert site.bodies == [b""]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<html>sorry</html>", "text/html"),
        ("[1, 2]", "application/json"),
        ("{", "application/json"),
        ("[" * 100_000, "application/json"),
        ('{"known": true}', "text/plain"),
    ],
)
async def test_answer_that_is_no_json_object_is_unreadable(
    certificate: tuple[Path, Path], text: str, kind: str
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=kind)

    async with serving(certificate, answer) as site, site.webhooks() as webhooks:
        with pytest.raises(WebhookUnreadable):
            await webhooks.ask(site.question(retries=2))
    assert len(site.asked) == 1


async def test_endless_answer_is_cut_off_and_not_read(certificate: tuple[Path, Path]) -> None:
    sent = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for _ in range(1600):  # 100 MB
            if request.transport is None or request.transport.is_closing():
                break
            await response.write(b" " * 65536)
            await asyncio.sleep(0)  # let the server notice that nobody listens any more
            sent += 65536
        return response

    async with serving(certificate, answer) as site, site.webhooks() as webhooks:
        with pytest.raises(WebhookUnreadable, match="longer"):
            await webhooks.ask(site.question(timeout_s=20.0))
        await asyncio.sleep(0.2)
    assert sent < ANSWER_MAX_BYTES + (8 << 20), "what the sockets between hold, and no more"


async def test_empty_answer_is_an_empty_object(certificate: tuple[Path, Path]) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    async with serving(certificate, answer) as site, site.webhooks() as webhooks:
        assert await webhooks.ask(site.question()) == {}


async def test_silent_server_is_asked_as_often_as_the_script_says_with_the_same_key(
    certificate: tuple[Path, Path],
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with serving(certificate, answer) as site, site.webhooks() as webhooks:
        with pytest.raises(WebhookTimeout):
            await webhooks.ask(site.question(timeout_s=0.2, retries=1))
    assert [request.headers["Idempotency-Key"] for request in site.asked] == ["c1:verify:3"] * 2


async def test_dripping_answer_ends_with_the_timeout(certificate: tuple[Path, Path]) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    async with serving(certificate, answer) as site, site.webhooks() as webhooks:
        with pytest.raises(WebhookTimeout):
            await webhooks.ask(site.question(timeout_s=0.3))


async def test_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(certificate: tuple[Path, Path]) -> None:
    statuses = iter([503, 200, 400])

    async def answer(request: web.Request) -> web.StreamResponse:
        status = next(statuses)
        return web.json_response({"known": True}, status=status)

    async with serving(certificate, answer) as site, site.webhooks() as webhooks:
        assert await webhooks.ask(site.question(retries=2)) == {"known": True}
        with pytest.raises(WebhookRefused, match="400"):
            await webhooks.ask(site.question(retries=2))
    assert len(site.asked) == 3


async def test_redirect_is_not_followed(certificate: tuple[Path, Path]) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("https://other.example.org/elsewhere")

    async with serving(certificate, answer) as site, site.webhooks() as webhooks:
        with pytest.raises(WebhookRefused, match="302"):
            await webhooks.ask(site.question())
    assert len(site.asked) == 1


async def test_wrong_name_in_the_certificate_is_refused_at_once(certificate: tuple[Path, Path]) -> None:
    async with serving(certificate, known) as site, site.webhooks() as webhooks:
        with pytest.raises(WebhookRefused):
            await webhooks.ask(site.question(host="bad.example.net", retries=3))
    assert site.asked == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.8", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "::1",
     "fe80::1", "fd00:ec2::254", "::ffff:10.0.0.8", "64:ff9b::a00:8", "2002:a00:8::1"],
)  # fmt: skip
async def test_name_that_leads_inside_is_not_connected_to(certificate: tuple[Path, Path], address: str) -> None:
    async def resolve(host: str, port: int, family: int) -> list[tuple[str, int]]:
        public = ("93.184.216.34", socket.AF_INET)
        return [public, (address, socket.AF_INET6 if ":" in address else socket.AF_INET)]

    async with serving(certificate, known) as site, site.webhooks(hosts=Hosts(), resolve=resolve) as webhooks:
        with pytest.raises(WebhookRefused, match="must not ask"):
            await webhooks.ask(site.question(retries=3))
    assert site.asked == []


async def test_metadata_is_refused_even_for_a_host_that_the_operator_named() -> None:
    with pytest.raises(Forbidden):
        Hosts(frozenset({HOST})).check(HOST, "169.254.169.254")
    Hosts(frozenset({HOST})).check(HOST, "10.0.0.8")


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.elsewhere.org/pin",
        "https://127.0.0.1/pin",
        "https://[::1]/pin",
        "https://user:word@crm.example.org/pin",
        "ftp://crm.example.org/pin",
        "https:///pin",
        "https://crm.elsewhere.org/pin",
    ],
)
async def test_address_that_is_not_allowed_is_not_even_resolved(certificate: tuple[Path, Path], url: str) -> None:
    async with serving(certificate, known) as site, site.webhooks() as webhooks:
        with pytest.raises(WebhookRefused):
            await webhooks.ask(site.question(url=url, retries=3))
    assert site.resolved == []


async def test_nothing_goes_out_without_a_secret(certificate: tuple[Path, Path]) -> None:
    async with serving(certificate, known) as site, site.webhooks(secret=None) as webhooks:
        with pytest.raises(WebhookRefused, match="VSS_WEBHOOK_SECRET"):
            await webhooks.ask(site.question())
    assert site.asked == []


async def test_address_is_resolved_and_checked_again_for_every_connection(certificate: tuple[Path, Path]) -> None:
    answers = iter([[("127.0.0.1", socket.AF_INET)], [("169.254.169.254", socket.AF_INET)]])

    async def resolve(host: str, port: int, family: int) -> list[tuple[str, int]]:
        return next(answers)

    async def close(request: web.Request) -> web.StreamResponse:
        response = web.json_response({})
        response.force_close()
        return response

    async with serving(certificate, close) as site, site.webhooks(resolve=resolve) as webhooks:
        assert await webhooks.ask(site.question()) == {}
        with pytest.raises(WebhookRefused, match="must not ask"):
            await webhooks.ask(site.question())


async def test_slow_host_takes_no_places_of_the_others(certificate: tuple[Path, Path]) -> None:
    hang = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/slow":
            await hang.wait()
        return web.json_response({"known": True})

    async with serving(certificate, answer) as site, site.webhooks() as webhooks:
        slow = [asyncio.create_task(webhooks.ask(site.question("/slow", timeout_s=30.0))) for _ in range(60)]
        await until(lambda: len(site.asked) == PER_HOST_MAX)
        assert await webhooks.ask(site.question(host="other.example.org", timeout_s=20.0)) == {"known": True}
        assert len(site.asked) == PER_HOST_MAX + 1
        hang.set()
        assert await asyncio.gather(*slow) == [{"known": True}] * 60


async def test_question_that_nobody_waits_for_leaves_nothing_behind(certificate: tuple[Path, Path]) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with serving(certificate, answer) as site, site.webhooks() as webhooks:
        task = asyncio.create_task(webhooks.ask(site.question(timeout_s=30.0)))
        await until(lambda: bool(site.asked))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert webhooks._asking == 0
