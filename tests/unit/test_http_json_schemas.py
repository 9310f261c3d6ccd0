"""The schemas of what commands print: sound, complete, and true to the types that fill them."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from engine.adapters.postgres.csv_lines import RejectedLine
from engine.adapters.postgres.importer import ImportReport
from engine.dialer.campaign import AnswerAction, CampaignStatus, DialMode
from engine.dialer.lead import LeadStatus
from engine.http.schemas import CampaignShown, StatsShown
from engine.outcome.disposition import Outcome
from engine.stack.doctor import Check
from engine.stack.down import Stopped

FOLDER = Path(__file__).parents[2] / "docs/json"
SCHEMAS: dict[str, dict[str, Any]] = {path.name: json.loads(path.read_text()) for path in FOLDER.glob("*.schema.json")}
COMMON = SCHEMAS["common.schema.json"]["$defs"]
COMMANDS = [
    "demo", "chaos", "sim-run", "bench-calls", "bench-pacing", "bench-flow", "status", "doctor", "down", "test", "init",
    "db-migrate",
    "campaign-create", "campaign-change", "campaign-stats", "trunk-add", "trunk-list", "trunk-test", "leads-import",
    "error", "serve", "campaign-list", "route-add", "route-list", "slot-add", "slot-list", "asterisk-render",
    "pacing-simulate", "pacing-compare", "pacing-explain", "pacing-replay", "replay",
    "flow-check", "flow-test", "flow-try", "flow-draw",
    "flow-publish", "flow-list", "flow-show", "flow-diff", "flow-retire", "flow-bindings", "flow-unbind",
    "flow-run", "flow-runs", "flow-stop", "flow-lookup-load", "flow-lookup-list",
]  # fmt: skip


def validator(name: str) -> jsonschema.Draft202012Validator:
    registry: Registry[Any] = Registry().with_resources(
        (key, Resource.from_contents(schema)) for key, schema in SCHEMAS.items()
    )
    return jsonschema.Draft202012Validator(SCHEMAS[f"{name}.schema.json"], registry=registry)


def test_every_command_has_a_schema_and_a_line_in_the_readme() -> None:
    assert {f"{name}.schema.json" for name in [*COMMANDS, "common"]} == set(SCHEMAS)
    readme = (FOLDER / "README.md").read_text()
    assert all(f"({name})" in readme for name in SCHEMAS)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schemas_are_sound_and_their_references_resolve(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    for text in json.dumps(SCHEMAS[name]).split('"$ref": "')[1:]:
        target = text.split('"')[0].rsplit("#/$defs/", 1)
        assert target[1] in COMMON


def test_words_are_the_codes_words() -> None:
    assert COMMON["outcomes"]["propertyNames"]["enum"] == list(Outcome)
    assert COMMON["leads"]["propertyNames"]["enum"] == list(LeadStatus)
    campaign = COMMON["campaign"]["properties"]
    assert campaign["status"]["enum"] == list(CampaignStatus)
    assert campaign["dial_mode"]["enum"] == list(DialMode)
    assert campaign["answer_action"]["enum"] == list(AnswerAction)


def test_shapes_shared_with_the_api_have_its_fields() -> None:
    assert set(COMMON["campaign"]["properties"]) == set(CampaignShown.model_fields)
    assert set(COMMON["statistics"]["properties"]) == set(StatsShown.model_fields)
    assert set(COMMON["check"]["properties"]) == {field.name for field in fields(Check)}


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("doctor", {"ok": True, "checks": [asdict(Check("python", True, "3.11.2"))]}),
        ("down", {"stopped": [asdict(Stopped("demo", "asterisk", 1234, "killed"))]}),
        ("down", {"stopped": []}),
        ("leads-import", {"campaign": 1} | asdict(ImportReport(1, 119, 2, [RejectedLine(7, "number", "odd")], 1))),
        ("error", {"error": {"code": "no_campaign", "message": "there is no campaign 7"}}),
        (
            "demo",
            {
                "leads": 2, "outcomes": {"answered": 1, "busy": 1}, "carrier": {"talk": 1, "busy": 1}, "agree": True,
                "statistics": {"leads": {"done": 2}, "outcomes": {"answered": 1, "busy": 1}},
                "recount": {"leads": {"done": 2}, "outcomes": {"answered": 1, "busy": 1}},
                "bridge_ms": {"p50": 3.1, "p99": None}, "audio_ok": 1,
                "leftovers": {"channels": 0, "bridges": 0, "open_attempts": 0}, "setup_s": 9.5, "run_s": 41.0,
            },
        ),
    ],
)  # fmt: skip
def test_what_is_printed_fits(name: str, printed: dict[str, Any]) -> None:
    validator(name).validate(printed)


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("down", {"stopped": [{"instance": "demo", "process": "x", "pid": 1, "how": "gone"}]}),
        ("doctor", {"ok": True, "checks": [], "extra": 1}),
        ("campaign-change", {"campaign": {}, "stats": {}}),
        ("campaign-stats", {"campaign": 1, "statistics": {"leads": {"odd": 1}}, "recount": {}, "agree": True}),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_noticed(name: str, printed: dict[str, Any]) -> None:
    assert list(validator(name).iter_errors(printed))
