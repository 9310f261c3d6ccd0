"""The composition root: builds the adapters from the settings, hands them to the engine, and runs the process."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import secrets
import shutil
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import structlog
import uvloop

from engine import __version__
from engine.adapters.ami import AmiObserver
from engine.adapters.ari.socket import AriSettings
from engine.adapters.ari.telephony import AriTelephony
from engine.adapters.audiosocket import AudioSocketEar
from engine.adapters.cel import CelLog, NoChannelLog
from engine.adapters.fastagi import FastAgiServer
from engine.adapters.pacing_journal import PacingFiles
from engine.adapters.postgres.abandonment import PostgresAbandonment
from engine.adapters.postgres.agents import PostgresAgents
from engine.adapters.postgres.calls import PostgresCalls
from engine.adapters.postgres.do_not_call import PostgresDoNotCall
from engine.adapters.postgres.handover import PostgresHandover
from engine.adapters.postgres.leads import PostgresLeads
from engine.adapters.postgres.lease import CellLease
from engine.adapters.postgres.outcomes import PostgresOutcomes
from engine.adapters.postgres.routes import PostgresRoutes
from engine.adapters.postgres.runs import PostgresRuns
from engine.adapters.postgres.scripts import PostgresScripts
from engine.adapters.postgres.trunks import PostgresTrunks
from engine.adapters.postgres.upkeep import Upkeep
from engine.adapters.recordings import RecordingShelf
from engine.adapters.redis.leases import RedisLeases
from engine.adapters.redis.presence import RedisPresence
from engine.adapters.speech import EspeakSpeech, NoSpeech, ShelfVoices
from engine.adapters.speech.library import recordings
from engine.adapters.speech.shelf import TEXTS_MAX, Shelf
from engine.adapters.spool import FileSpools
from engine.adapters.telemetry.ari_totals import ari_totals
from engine.adapters.telemetry.logs import configure_logging
from engine.adapters.telemetry.loop_lag import watch_loop
from engine.adapters.telemetry.prometheus import PrometheusMetrics
from engine.adapters.telemetry.timed_database import TimedDatabase
from engine.adapters.webhook import Gate, Hosts, HttpWebhooks
from engine.config import Settings
from engine.errors import Unavailable
from engine.flow.nodes.centre import Detector
from engine.flow.site import Recording
from engine.http.app import build_app, serve
from engine.http.live import LiveHub
from engine.ids import TrunkName
from engine.ports import LiveFeed, Tokens
from engine.runtime.control import InboundPolicy, PartState
from engine.runtime.engine import Engine, EngineSettings, Ports, StopMode
from engine.runtime.feeds import Feeds
from engine.runtime.flows.performers import FlowPorts
from engine.runtime.flows.routes import ScriptRoutes
from engine.runtime.scripts import ScriptDesk
from engine.runtime.steady import SteadyClock
from engine.stack.home import state_home
from engine.stack.programs import Part
from engine.stack.provision import fetched_programs
from engine.stack.report import StackFailure

log = structlog.get_logger()

RETRY_S = 0.5
STANDBY_GRACE_S = 6.0
"""Three times as long as an engine needs to notice that its lock went with PostgreSQL."""
SCRIPT_TEXTS_MAX = 20_000
"""About 2 GB of sound."""


class LocalLeases:
    """The Leases port of a cell without Redis: it shares its trunks with no other, so its own limits are all."""

    async def take(self, trunk: TrunkName, wanted: int, cps_max: float) -> Tokens:
        """Grant what is wanted."""
        return Tokens(wanted, shared=True)


Tell = Callable[[str], None]
"""Hears `standby` while another engine serves, `serving` once the API answers, and `stopping` (SIGTERM) or
`interrupted` (SIGINT) when draining begins."""


def run(settings: Settings, tell: Tell = lambda state: None, *, standby: bool = False) -> None:
    """Run the engine until SIGTERM or SIGINT. Raises ConfigError, Unavailable when another engine took over.

    `standby`: wait until the engine that holds the cell has gone, and take over then.
    """
    configure_logging(settings.log_level)
    # What is loaded by now stays for good. Every full collection would look at all of it (83,000 objects, 40 ms) while
    # calls wait.
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, tell, standby=standby))


async def _serve(settings: Settings, tell: Tell, *, standby: bool) -> None:
    clock = SteadyClock()
    metrics = PrometheusMetrics()
    metrics.gauge("vss_build_info", 1, version=__version__)
    async with AsyncExitStack() as stack:
        dsn = settings.postgres_dsn.get_secret_value()
        database = await stack.enter_async_context(
            TimedDatabase(dsn, metrics, connections_max=settings.postgres_connections_max)
        )
        lease = CellLease(dsn, settings.cell)
        if standby:
            log.info("standing_by", cell=settings.cell)
            tell("standby")
        epoch = await _take(lease, standby=standby)
        stack.push_async_callback(lease.release)
        hub = LiveHub(metrics, int(clock.now() * 1000))
        leases, feed, redis_state = await _redis(stack, settings, metrics, hub)
        trunks = PostgresTrunks(database)
        scripts = PostgresScripts(database)
        ari = AriSettings(
            f"{settings.ari_url.rstrip('/')}/ari", settings.ari_user, settings.ari_password.get_secret_value(),
            settings.ari_app,
        )  # fmt: skip
        telephony = AriTelephony(
            ari, clock, trunks=[trunk.name for trunk in await trunks.trunks()], random=random.random
        )
        metrics.add_totals(lambda: ari_totals(telephony.counters))
        speech = await _speech(stack, settings, metrics)
        voice = await _speech(stack, settings, metrics, of_scripts=True)
        gate = _gate(settings)
        ear = await stack.enter_async_context(
            AudioSocketEar(settings.audiosocket_host, settings.audiosocket_port, metrics, gate)
        )
        webhooks = await stack.enter_async_context(HttpWebhooks(gate, metrics))
        channel_log = _channel_log(settings, metrics)
        ports = Ports(
            telephony=telephony,
            leads=PostgresLeads(database),
            outcomes=PostgresOutcomes(database),
            account=PostgresAbandonment(database),
            journal=stack.enter_context(PacingFiles(settings.run_dir / "pacing")),
            calls=PostgresCalls(database),
            handover=PostgresHandover(database, settings.cell, epoch),
            channel_log=channel_log,
            agents=PostgresAgents(database),
            trunks=trunks,
            recordings=RecordingShelf(database, metrics),
            spools=await stack.enter_async_context(
                FileSpools(settings.run_dir / "spool" / settings.cell, epoch, metrics)
            ),
            do_not_call=PostgresDoNotCall(database),
            speech=speech,
            leases=leases,
            feed=feed,
            metrics=metrics,
            clock=clock,
            random_bits=lambda: secrets.randbits(74),
            flows=FlowPorts(
                scripts,
                PostgresRuns(database),
                ShelfVoices(voice, settings.speech_dir, metrics, audio=settings.audio_dir),
                webhooks,
                ear,
                settings.script_recordings_dir,
                timezone=settings.timezone,
            ),
        )
        ami: AmiObserver | None = None

        def other_parts() -> Mapping[str, PartState]:
            watching = ami is not None and ami.connected
            return {"ami": PartState(watching, False, "watching" if watching else "away"), **redis_state()}

        engine = Engine(ports, _engine_settings(settings, epoch), other_parts)
        if settings.ami_host is not None and settings.ami_password is not None:
            ami = AmiObserver(
                settings.ami_host,
                settings.ami_port,
                settings.ami_user,
                settings.ami_password.get_secret_value(),
                engine.on_registration,
                metrics,
            )
        await stack.enter_async_context(
            FastAgiServer(
                settings.fastagi_host,
                settings.fastagi_port,
                ScriptRoutes(PostgresRoutes(database), engine.flows.bound),
                metrics,
            )
        )
        desk = ScriptDesk(
            scripts, replace(settings.site, detectors=_detectors(ear), audio=_audio(settings)), engine.flows.refresh
        )
        app = build_app(engine.control, hub, desk, settings.api_token.get_secret_value(), metrics, metrics.exposition)
        await stack.enter_async_context(serve(app, settings.http_host, settings.http_port))
        background: list[Coroutine[Any, Any, object]] = [
            watch_loop(metrics),
            Upkeep(database).run(lambda error: log.warning("upkeep_failed", error=str(error))),
            _watch_lease(lease, engine),
        ]
        if ami is not None:
            background.append(ami.run())
        if isinstance(channel_log, CelLog):
            background.append(channel_log.keep_small())
        _on_signals(engine.stop, tell)
        log.info("serving", http=f"http://{settings.http_host}:{settings.http_port}/", cell=settings.cell, epoch=epoch)
        tell("serving")
        await _run_with(engine, background)
        if lease.lost:
            raise Unavailable("lease", f"another engine took the cell {settings.cell!r}")


async def _run_with(engine: Engine, background: list[Coroutine[Any, Any, object]]) -> None:
    """Run the engine; the tasks around it end with it, and a fault in one of them is told, never silent."""
    tasks = [asyncio.create_task(coroutine) for coroutine in background]
    for task in tasks:
        task.add_done_callback(_tell_fault)
    try:
        await engine.run()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _tell_fault(task: asyncio.Task[object]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background_task_failed", task=task.get_coro(), error=repr(error))


async def _watch_lease(lease: CellLease, engine: Engine) -> None:
    """An engine that lost its cell must not command it any more."""
    await lease.watch()
    log.error("cell_taken_by_another_engine")
    engine.lose_cell()


async def _take(lease: CellLease, *, standby: bool) -> int:
    """Take the lease, waiting while PostgreSQL is away.

    With PostgreSQL the lock of an engine that lives goes too: a standby gives that one the time to take it again.
    """
    while True:
        try:
            return await (lease.wait() if standby else lease.take())
        except Unavailable as error:
            log.warning("start_waits", reason=str(error))
            await asyncio.sleep(STANDBY_GRACE_S if standby else RETRY_S)


def _gate(settings: Settings) -> Gate:
    """The way out to other systems."""
    secret = settings.webhook_secret
    return Gate(
        None if secret is None else secret.get_secret_value().encode(),
        Hosts(settings.site.webhook_hosts or frozenset()),
        settings.webhook_ca_file,
    )


def _channel_log(settings: Settings, metrics: PrometheusMetrics) -> CelLog | NoChannelLog:
    """What Asterisk writes of its channels, where its files are on this machine."""
    if settings.channel_log is None:
        log.warning(
            "no_channel_log", advice="set VSS_ASTERISK_DIR or VSS_CEL_FILE: calls that end in a crash are unknown"
        )
        return NoChannelLog()
    return CelLog(settings.channel_log, metrics)


def _audio(settings: Settings) -> Mapping[str, Recording] | None:
    """Recordings that scripts may play; none where no directory of them is set."""
    return {} if settings.audio_dir is None else recordings(settings.audio_dir)


def _detectors(ear: AudioSocketEar) -> frozenset[str]:
    """What tells people from machines here."""
    return frozenset({Detector.ASTERISK, *((Detector.SILERO,) if ear.tells_people else ())})


async def _speech(
    stack: AsyncExitStack, settings: Settings, metrics: PrometheusMetrics, *, of_scripts: bool = False
) -> EspeakSpeech | NoSpeech:
    """The synthesiser of the settings, else the private one that the stack fetched, else none.

    Scripts say names and sums, which are new every time: their shelf is another one, and gives away what was not said
    for longest, so that they never take the place of the campaigns' messages.
    """
    command = settings.speech_command
    if shutil.which(command[0]) is None:
        try:
            fetched = await asyncio.to_thread(fetched_programs, state_home(), Part.ESPEAK)
        except StackFailure as failure:
            log.warning("private_speech_broken", reason=failure.message, advice=failure.advice)
            fetched = None
        if fetched is None:
            log.warning("no_speech", command=settings.speech, advice="install espeak-ng or set VSS_SPEECH")
            return NoSpeech()
        command = fetched["espeak"].words
    directory = settings.speech_dir / "scripts" if of_scripts else settings.speech_dir
    texts_max = SCRIPT_TEXTS_MAX if of_scripts else TEXTS_MAX
    shelf = Shelf(directory, metrics, texts_max=texts_max, gives_away=of_scripts)
    return await stack.enter_async_context(EspeakSpeech(command, shelf, metrics))


async def _redis(
    stack: AsyncExitStack, settings: Settings, metrics: PrometheusMetrics, hub: LiveHub
) -> tuple[RedisLeases | LocalLeases, LiveFeed, Callable[[], Mapping[str, PartState]]]:
    if settings.redis_url is None:
        return LocalLeases(), hub, dict
    url = settings.redis_url.get_secret_value()
    leases = await stack.enter_async_context(RedisLeases(url, metrics))
    presence = await stack.enter_async_context(RedisPresence(url, settings.cell, metrics))

    def state() -> Mapping[str, PartState]:
        there = leases.available
        return {"redis": PartState(there, False, "sharing" if there else "away: one line per idle agent")}

    return leases, Feeds((hub, presence)), state


def _engine_settings(settings: Settings, epoch: int) -> EngineSettings:
    return EngineSettings(
        epoch=epoch,
        inbound=InboundPolicy(settings.inbound_wait_max_s, settings.wrap_up_s, settings.messages),
        message=settings.messages,
        recordings=str(settings.recordings_dir) if settings.recordings_dir is not None else None,
        drain_limit_s=settings.drain_limit_s,
        stop=StopMode(settings.stop),
        script_trunk=settings.script_trunk or None,
    )


def _on_signals(stop: Callable[[], None], tell: Tell) -> None:
    """The first signal drains, the second one ends the process at once."""
    loop = asyncio.get_running_loop()
    asked = False

    def on_signal(number: signal.Signals) -> None:
        nonlocal asked
        if asked:
            log.warning("ended_at_once")
            os._exit(130)
        asked = True
        tell("interrupted" if number is signal.SIGINT else "stopping")
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
