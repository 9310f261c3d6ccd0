"""`vss campaign`: campaigns of the running engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.answer import FAILURE, OK, Answer, AsJson, EnvFile, give
from engine.cli.api import engine_api
from engine.cli.environment import Environment, read
from engine.cli.menu import group
from engine.cli.table import Table
from engine.dialer.campaign import AnswerAction, DialMode
from engine.errors import NotFound

if TYPE_CHECKING:
    from engine.client import ApiClient

commands = group("Campaigns of the running engine.")

Which = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Its number or its name.")]


@commands.command()
def create(
    name: Annotated[str, typer.Argument(help="A name that no other campaign has.")],
    trunk: Annotated[str, typer.Option(help="The trunk that it dials over (vss trunk list).")],
    pool: Annotated[str, typer.Option(help="Whose agents take the answers.")] = "default",
    dial_mode: Annotated[DialMode, typer.Option(help="How lines are paced.")] = DialMode.PROGRESSIVE,
    answer_action: Annotated[AnswerAction, typer.Option(help="What a live answer meets.")] = AnswerAction.AGENT,
    caller_id: Annotated[str, typer.Option(help="Shown to customers; default: the trunk's.")] = "",
    ring_timeout_s: Annotated[int, typer.Option(min=15, max=120, help="Seconds until a call is given up.")] = 25,
    answer_limit_s: Annotated[float, typer.Option(help="Seconds until an answer counts as abandoned.")] = 2.0,
    wrap_up_s: Annotated[float, typer.Option(help="Seconds of an agent's wrap-up at most.")] = 15.0,
    talk_max_s: Annotated[float, typer.Option(help="Seconds of a call at most.")] = 3600.0,
    lines_max: Annotated[int, typer.Option(help="Calls at once at most.")] = 100,
    message: Annotated[list[str] | None, typer.Option(help="Media of the identity message; may be repeated.")] = None,
    record: Annotated[bool, typer.Option("--record", help="Record its calls, two channels.")] = False,
    window_from: Annotated[str, typer.Option(help="No call before, in the lead's local time.")] = "09:00",
    window_to: Annotated[str, typer.Option(help="No call after, in the lead's local time.")] = "20:00",
    recall: Annotated[
        list[str] | None,
        typer.Option(metavar="OUTCOME:ATTEMPTS:DELAY_S", help="Dial again after an outcome, such as busy:3:600."),
    ] = None,
    jurisdiction: Annotated[str, typer.Option(help="Whose law counts and limits abandoned calls.")] = "us-ftc",
    abandon_limit: Annotated[
        float | None, typer.Option(help="Abandoned of live answers, a fraction of 1; default: the law's.")
    ] = None,
    fp_rate: Annotated[float, typer.Option(help="Share of people whom machine detection takes for machines.")] = 0.0,
    lines_per_agent: Annotated[float, typer.Option(help="Power: lines per idle agent.")] = 1.5,
    lines_per_agent_max: Annotated[float, typer.Option(help="Predictive: lines per agent at most.")] = 10.0,
    pool_weight: Annotated[float, typer.Option(help="Its part of the lines, where campaigns share a pool.")] = 1.0,
    small_team: Annotated[
        bool, typer.Option(help="One line per idle agent where overdialing gains nothing (few agents).")
    ] = True,
    cancel: Annotated[bool, typer.Option(help="Give up calls that rang 15 s while agents run short.")] = True,
    require_consent: Annotated[
        bool, typer.Option("--require-consent", help="Dial only numbers whose consent is on record.")
    ] = False,
    preview_limit_s: Annotated[float, typer.Option(help="Preview: seconds an agent may look at a lead.")] = 120.0,
    identity_text: Annotated[
        str, typer.Option(help="Text of the identity message: who calls, how to call back. Spoken without --message.")
    ] = "",
    language: Annotated[str, typer.Option(help="The language it is spoken in, such as en or ru.")] = "en",
    opt_out_digit: Annotated[str, typer.Option(help="Pressed by a person who wants no more calls; '' for none.")] = "9",
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a campaign; it dials nothing until it is started."""
    body: dict[str, Any] = {
        "name": name,
        "trunk": trunk,
        "pool": pool,
        "dial_mode": dial_mode,
        "answer_action": answer_action,
        "caller_id": caller_id,
        "ring_timeout_s": ring_timeout_s,
        "answer_limit_s": answer_limit_s,
        "wrap_up_s": wrap_up_s,
        "talk_max_s": talk_max_s,
        "lines_max": lines_max,
        "message": message or [],
        "record": record,
        "window_from": window_from,
        "window_to": window_to,
        "recall": recall_rules(recall or ()),
        "jurisdiction": jurisdiction,
        "abandon_limit": abandon_limit,
        "fp_rate": fp_rate,
        "lines_per_agent": lines_per_agent,
        "lines_per_agent_max": lines_per_agent_max,
        "pool_weight": pool_weight,
        "small_team": small_team,
        "cancel": cancel,
        "require_consent": require_consent,
        "preview_limit_s": preview_limit_s,
        "identity_text": identity_text,
        "language": language,
        "opt_out_digit": opt_out_digit,
    }

    async def work() -> Answer:
        async with engine_api(read(env_file)) as api:
            made = await api.post("/campaigns", body)
        number = made["campaign"]["id"]
        hint = f"next: vss leads import FILE --campaign {number}   then: vss campaign start {number}"
        return Answer(made, [_line(made), hint])

    give(as_json, work)


@commands.command(name="list")
def list_(env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """All campaigns with their numbers."""

    async def work() -> Answer:
        async with engine_api(read(env_file)) as api:
            items: list[dict[str, Any]] = (await api.get("/campaigns"))["items"]
        return Answer({"campaigns": items}, [overview_table(items)])

    give(as_json, work)


@commands.command()
def start(campaign: Which, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Start dialing, or go on after a pause."""
    _change(campaign, "start", env_file, as_json)


@commands.command()
def pause(campaign: Which, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Dial no more for now; calls under way go on."""
    _change(campaign, "pause", env_file, as_json)


@commands.command()
def stop(campaign: Which, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Dial no more; calls under way go on to their end."""
    _change(campaign, "stop", env_file, as_json)


@commands.command()
def stats(campaign: Which, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Statistics as the database's triggers keep them, and counted again; exits 1 when the two differ."""

    async def work() -> Answer:
        return await _stats(read(env_file), campaign)

    give(as_json, work)


def recall_rules(texts: Sequence[str]) -> dict[str, dict[str, float]]:
    """`busy:3:600` as the API wants it. Raises typer.BadParameter."""
    rules: dict[str, dict[str, float]] = {}
    for text in texts:
        outcome, _, rest = text.partition(":")
        attempts, _, delay = rest.partition(":")
        try:
            rules[outcome] = {"attempts_max": int(attempts), "delay_s": float(delay)}
        except ValueError:
            raise typer.BadParameter(
                f"--recall {text}: expected OUTCOME:ATTEMPTS:DELAY_S, such as busy:3:600"
            ) from None
    return rules


def overview_table(items: Sequence[dict[str, Any]]) -> Table:
    """Campaigns as a table."""
    rows = []
    for item in items:
        campaign, numbers = item["campaign"], item["stats"]
        leads = numbers["leads"]
        left = sum(leads.get(status, 0) for status in ("new", "waiting", "dialing"))
        row = (campaign["id"], campaign["name"], campaign["status"], campaign["trunk"], left, leads.get("done", 0))
        rows.append((*row, numbers["attempts"], numbers["talking"], numbers["pacing"]))
    columns = ("id", "name", "status", "trunk", "leads left", "done", "attempts", "talking", "pacing")
    return Table(columns, rows)


def _change(campaign: str, change: str, env_file: str | None, as_json: bool) -> None:
    async def work() -> Answer:
        async with engine_api(read(env_file)) as api:
            changed = await api.post(f"/campaigns/{await number_of(api, campaign)}/{change}")
        return Answer(changed, [_line(changed)])

    give(as_json, work)


async def number_of(api: ApiClient, campaign: str) -> int:
    """The number of a campaign given by number or name. Raises NotFound."""
    if campaign.isdecimal():
        return int(campaign)
    for item in (await api.get("/campaigns"))["items"]:
        if item["campaign"]["name"].lower() == campaign.lower():
            return int(item["campaign"]["id"])
    raise NotFound("no_such_campaign", f"there is no campaign named {campaign}")


def _line(overview: dict[str, Any]) -> str:
    campaign = overview["campaign"]
    return f"campaign {campaign['id']} ({campaign['name']}) is {campaign['status']}"


async def _stats(environment: Environment, which: str) -> Answer:
    """Read from the database itself, so it works whether or not an engine runs."""
    import time

    from engine.adapters.postgres.abandonment import PostgresAbandonment
    from engine.adapters.postgres.campaigns import PostgresCampaigns
    from engine.adapters.postgres.leads import PostgresLeads
    from engine.adapters.postgres.pool import Database
    from engine.adapters.postgres.statistics import PostgresStatistics

    async with Database(environment.dsn, connections_max=2) as database:
        known = await PostgresCampaigns(database).list()
        found = [one for one in known if which in {str(one.id), one.name}]
        if not found:
            raise NotFound("no_such_campaign", f"there is no campaign {which}")
        campaign = found[0]
        kept = await PostgresStatistics(database).of(campaign.id)
        again = await PostgresStatistics(database).recount(campaign.id)
        attempts = (await PostgresLeads(database).numbers())[campaign.id].attempts
        law = campaign.pacing.jurisdiction
        windows = await PostgresAbandonment(database).windows(campaign.id, law, time.time())
    counts = {"leads": dict(kept.leads), "outcomes": dict(kept.outcomes)}
    recount = {"leads": dict(again.leads), "outcomes": dict(again.outcomes)}
    agree = counts == recount
    data = {
        "campaign": campaign.id, "statistics": counts, "recount": recount, "agree": agree, "attempts": attempts,
        "live_answers": kept.live, "abandoned_ratio": kept.abandoned_ratio, "talk_s": kept.talk_s,
        "abandonment": {"definition": law, **{name: asdict(count) for name, count in windows.items()}},
    }  # fmt: skip
    shown: list[str | Table] = [
        f"campaign {campaign.id} ({campaign.name}): {campaign.status}, {attempts} attempts, {kept.live} live answers, "
        f"abandoned {kept.abandoned_ratio:.1%}, talked {kept.talk_s:.0f} s",
        Table(
            (f"abandoned ({law})", "live answers", "abandoned", "false positives", "customer gone", "ratio"),
            [
                (
                    name,
                    count.live,
                    count.abandoned,
                    f"{count.false_positives:.1f}",
                    count.customer_gone,
                    f"{count.ratio:.2%}",
                )
                for name, count in windows.items()
            ],
        ),
        Table(("leads", "n", "recount"), _side_by_side(counts["leads"], recount["leads"])),
        Table(("outcome", "n", "recount"), _side_by_side(counts["outcomes"], recount["outcomes"])),
        "statistics and recount agree" if agree else "STATISTICS AND RECOUNT DIFFER",
    ]
    return Answer(data, shown, OK if agree else FAILURE)


def _side_by_side(kept: dict[str, int], again: dict[str, int]) -> list[tuple[str, int, int]]:
    return [(key, kept.get(key, 0), again.get(key, 0)) for key in sorted(kept.keys() | again.keys())]
