"""Every metric the engine has: the one table that the registry, docs/metrics.md and the dashboards are made from.

Labels have few values: never a number, a lead, a call or a campaign.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. Names follow Prometheus: base units, counters end in `_total`."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


BRIDGE_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Fine at the milliseconds that the engine controls, and an edge at the 2 s of 16 CFR 310.4(b)(4)."""
IO_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
TALK_S = (1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 1200.0, 3600.0)
BATCH = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)

_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

CALLS = (
    Metric("vss_originates_total", _C, "Attempts that Asterisk was asked to dial", ("trunk",)),
    Metric("vss_attempts_total", _C, "Attempts that ended, by outcome", ("outcome",)),
    Metric("vss_live_calls", _G, "Live calls by phase", ("phase",)),
    Metric("vss_calls_total", _C, "Calls begun, by kind (campaign, inbound, manual)", ("kind",)),
    Metric("vss_bridge_seconds", _H, "A person's answer until both legs are in one bridge", (), BRIDGE_S),
    Metric("vss_ring_seconds", _H, "Dialing until the answer", (), TALK_S),
    Metric("vss_talk_seconds", _H, "Bridge until the end of the call", (), TALK_S),
    Metric("vss_wait_seconds", _H, "An inbound caller's wait for an agent", (), TALK_S),
    Metric("vss_call_faults_total", _C, "Calls ended by a fault of the engine, by kind", ("kind",)),
    Metric(
        "vss_messages_total", _C, "Messages to people, by result (heard, unheard: they hung up, failed)", ("result",)
    ),
    Metric("vss_message_seconds", _H, "A person's answer until the message sounds", (), BRIDGE_S),
    Metric("vss_opt_outs_total", _C, "People who asked by a digit never to be called again"),
    Metric("vss_recordings_total", _C, "Legs recorded, by result (done, failed)", ("result",)),
)

AGENTS = (
    Metric("vss_agents", _G, "Agents by state", ("state",)),
    Metric("vss_agent_changes_total", _C, "Changes of an agent's state, by the new state", ("state",)),
    Metric("vss_waiting_calls", _G, "Callers that wait for an agent, by pool", ("pool",)),
    Metric("vss_wrap_up_seconds", _H, "Wrap-up after a call", (), TALK_S),
    Metric("vss_dispositions_total", _C, "Dispositions given, by source (http, phone, limit)", ("source",)),
)

DIALING = (
    Metric("vss_dial_decisions_total", _C, "Decisions of the pacer, by the limit that bound", ("binding",)),
    Metric("vss_dial_launched_total", _C, "Calls the pacer launched"),
    Metric("vss_dial_cancelled_total", _C, "Calls given up because more people answer than agents come free"),
    Metric("vss_pacing_saves_total", _C, "Times that what pacers know was to be kept, by result", ("result",)),
    Metric("vss_dial_tick_seconds", _H, "One round of the dialing loop over all campaigns", (), IO_S),
    Metric("vss_leads_claimed_total", _C, "Leads claimed for an attempt"),
    Metric("vss_campaigns", _G, "Campaigns by status", ("status",)),
    Metric("vss_trunk_tokens_total", _C, "Call tokens granted, and whether Redis shared them", ("trunk", "shared")),
)

ARI = (
    Metric("vss_ari_requests_total", _C, "ARI requests sent"),
    Metric("vss_ari_replies_total", _C, "ARI requests that Asterisk answered, refusals included"),
    Metric(
        "vss_ari_round_trip_seconds_total", _C, "ARI round trips in sum; over vss_ari_replies_total it is their mean"
    ),
    Metric("vss_ari_requests_rejected_total", _C, "ARI requests not sent, because too many waited already"),
    Metric("vss_ari_requests_lost_total", _C, "ARI requests whose answer was lost with the socket"),
    Metric("vss_ari_connects_total", _C, "Times the ARI socket was connected; the first one is the start"),
    Metric("vss_ari_losses_total", _C, "Times the ARI socket was lost"),
    Metric("vss_ari_events_total", _C, "ARI events received"),
    Metric("vss_ari_events_unknown_total", _C, "ARI events of a type that this engine does not know"),
    Metric("vss_ari_events_failed_total", _C, "ARI events whose handling failed: a bug"),
    Metric("vss_events_unrouted_total", _C, "Events that no call wanted, by type", ("type",)),
    Metric("vss_swept_channels_total", _C, "Channels of ours that no call owned and that were hung up"),
    Metric("vss_ami_events_total", _C, "AMI events received, by name", ("event",)),
    Metric("vss_ami_reconnects_total", _C, "Times the AMI connection was made again"),
    Metric("vss_asterisk_channels", _G, "Channels that Asterisk has, as AMI tells"),
    Metric("vss_slots_registered", _G, "Slots whose phone is registered, as AMI tells"),
    Metric("vss_fastagi_requests_total", _C, "Questions of the dialplan, by result", ("result",)),
    Metric("vss_fastagi_seconds", _H, "Answering one question of the dialplan", (), IO_S),
)

STORES = (
    Metric("vss_postgres_seconds", _H, "One statement or transaction, waiting for a connection included", (), IO_S),
    Metric("vss_calls_taken_over_total", _C, "Calls of an engine before this one that were taken over"),
    Metric(
        "vss_handover_writes_total",
        _C,
        "Times that changed calls and agents were kept for the next engine (`kept`), or could not be (`failed`)",
        ("result",),
    ),
    Metric("vss_postgres_unavailable_total", _C, "Statements and transactions that found PostgreSQL away or too slow"),
    Metric("vss_commit_batch_size", _H, "Calls or outcomes in one group commit, by what", ("what",), BATCH),
    Metric("vss_spooled", _G, "Items that wait for PostgreSQL and are on disk, by spool", ("spool",)),
    Metric("vss_spool_seconds", _H, "Putting a group of items on disk for good", (), IO_S),
    Metric("vss_spool_failures_total", _C, "Times that the disk of the spool did not do what it should"),
    Metric("vss_spool_replayed_total", _C, "Items that an engine before this one left on disk, by spool", ("spool",)),
    Metric(
        "vss_spool_damage_total",
        _C,
        "What a spool could not keep or give back, by kind (torn, damaged, unknown, unreadable, version, unencodable)",
        ("spool", "kind"),
    ),
    Metric("vss_spool_damaged_files", _G, "Damaged files of the spool that were put aside for people to look at"),
    Metric("vss_redis_errors_total", _C, "Redis commands that failed"),
)

PROCESS = (
    Metric("vss_build_info", _G, "Always 1; the version is a label", ("version",)),
    Metric("vss_part_up", _G, "1 when a part is there, by its name in /readyz", ("part",)),
    Metric("vss_queue_length", _G, "Entries in a queue, by its name", ("queue",)),
    Metric("vss_bounds_reached_total", _C, "Times a bound (queue, cache, wait) was reached, by its name", ("bound",)),
    Metric("vss_loop_lag_seconds", _H, "How late the event loop runs what is due", (), LAG_S),
    Metric("vss_tasks", _G, "Tasks in the event loop"),
    Metric("vss_metrics_refused_total", _C, "Values refused because the metric is not in the catalogue"),
)

HTTP = (
    Metric("vss_http_requests_total", _C, "HTTP requests answered", ("method", "route", "status")),
    Metric("vss_http_request_seconds", _H, "Time of an HTTP request, streams excepted", ("route",), IO_S),
    Metric("vss_http_unauthorized_total", _C, "HTTP requests without the right token"),
    Metric("vss_live_clients", _G, "Open live streams"),
    Metric("vss_live_snapshots_total", _C, "Streams that were too far behind and got a snapshot"),
    Metric("vss_live_unencodable_total", _C, "Live frames dropped because their data is not JSON"),
)

SCRIPTS = (
    Metric("vss_live_scripts", _G, "Runs of scripts that go on"),
    Metric("vss_script_begun_total", _C, "Runs begun"),
    Metric("vss_script_adopted_total", _C, "Runs of an engine before this one that were taken over"),
    Metric(
        "vss_script_runs_total",
        _C,
        "Runs that ended, by result (script, hangup, stopped, a limit, error, fault, not_begun, unreadable)",
        ("result",),
    ),
    Metric("vss_prompt_wait_seconds", _H, "A script's wish to say a prompt until it is played", (), BRIDGE_S),
    Metric("vss_script_steps_total", _C, "Steps of runs"),
    Metric("vss_script_dispositions_total", _C, "Dispositions that scripts, or their ends, wrote"),
    Metric("vss_script_consents_total", _C, "Answers to questions of consent", ("granted",)),
    Metric(
        "vss_script_parties_total",
        _C,
        "People dialed by scripts, by what came of it (joined, busy, no_answer, failed, unconfirmed, no_trunk)",
        ("result",),
    ),
    Metric(
        "vss_webhooks_total",
        _C,
        "Questions to other systems, by result (done, timeout, refused, unreadable, failed)",
        ("result",),
    ),
    Metric("vss_webhook_retries_total", _C, "Questions to other systems that were asked again"),
    Metric("vss_webhook_seconds", _H, "A question to another system, with all its tries", (), IO_S),
    Metric(
        "vss_callbacks_total",
        _C,
        "Call-backs, by what came of them (promised, barred; taken, given_back, dialed; kept, not_reached;"
        " no_trunk, store_away: seconds in which none could be dialed)",
        ("result",),
    ),
    Metric("vss_script_unfit_leads_total", _C, "Leads never dialed because their data does not fit the script"),
    Metric("vss_script_refreshes_total", _C, "Times that bindings were to be read again, by result", ("result",)),
)

SPEECH = (
    Metric("vss_speech_total", _C, "Texts asked to be spoken, by result (made, found, failed)", ("result",)),
    Metric("vss_unspoken_campaigns", _G, "Running campaigns whose identity text has no sound: one line per idle agent"),
    Metric("vss_speech_seconds", _H, "Making a text sound that was not made before", (), IO_S),
)

SOUND = (
    Metric("vss_audio_taps", _G, "Audio taps announced or connected"),
    Metric("vss_audio_taps_refused_total", _C, "Connections to the AudioSocket port that were no announced tap"),
    Metric(
        "vss_beep_waits_total",
        _C,
        "Waits for a machine's beep that ended by themselves, by what was heard (beep, silence, lost, expired)",
        ("result",),
    ),
    Metric(
        "vss_detections_total",
        _C,
        "Machine detections, by result (human, machine, unsure, failed)",
        ("result",),
    ),
    Metric("vss_live_streams", _G, "Streams to voice bots that are open"),
    Metric("vss_streams_total", _C, "Streams that ended, by reason (docs/stream.md)", ("result",)),
    Metric("vss_stream_connect_seconds", _H, "Asking a voice bot until its sound flows", (), IO_S),
)

SECTIONS: tuple[tuple[str, tuple[Metric, ...]], ...] = (
    ("Calls", CALLS),
    ("Agents", AGENTS),
    ("Dialing", DIALING),
    ("Asterisk", ARI),
    ("PostgreSQL, Redis", STORES),
    ("Scripts", SCRIPTS),
    ("Speech", SPEECH),
    ("Sound", SOUND),
    ("Process", PROCESS),
    ("HTTP", HTTP),
)

CATALOGUE: dict[str, Metric] = {metric.name: metric for _, section in SECTIONS for metric in section}
