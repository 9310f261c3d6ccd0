"""The generator: what it makes of a resource file, and what it must not take over."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools import generate_ari

RESOURCES = {
    "resources.json": {"apis": [{"path": "/api-docs/things.{format}"}]},
    "things.json": {
        "apis": [
            {
                "path": "/things/{thingId}",
                "operations": [
                    {
                        "httpMethod": "POST",
                        "nickname": "sendXMLNow",
                        "responseClass": "List[Thing]",
                        "summary": "Words of the authors.",
                        "parameters": [
                            {"name": "thingId", "paramType": "path", "dataType": "string"},
                            {"name": "from", "paramType": "query", "dataType": "string", "required": True},
                            {"name": "many", "paramType": "query", "dataType": "string", "allowMultiple": True},
                            {"name": "loud", "paramType": "query", "dataType": "boolean"},
                            {"name": "variables", "paramType": "body", "dataType": "containers"},
                        ],
                    }
                ],
            }
        ],
        "models": {
            "Message": {"properties": {"type": {"type": "string", "required": True}}, "subTypes": ["Event"]},
            "Event": {"properties": {"timestamp": {"type": "Date", "required": True}}, "subTypes": ["ThingMade"]},
            "ThingMade": {"properties": {"thing": {"type": "Thing", "required": True}}},
            "Thing": {"properties": {"id": {"type": "string", "required": True}, "size": {"type": "int"}}},
        },
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, document in RESOURCES.items():
        (tmp_path / name).write_text(json.dumps(document))
    return tmp_path


def test_operation_is_a_typed_function(folder: Path) -> None:
    text = generate_ari.render(generate_ari.read(folder))["operations.py"]
    assert (
        "def things_send_xml_now(thing_id: str, *, from_: str, many: Sequence[str] | None = None, "
        "loud: bool | None = None, variables: Mapping[str, object] | None = None) -> Request[list[Thing]]:" in text
    )
    assert 'query.append(("from", from_))' in text
    assert 'query.append(("loud", "true" if loud else "false"))' in text
    assert "things/{quote(thing_id, safe='')}" in text


def test_events_descend_from_message_and_models_do_not(folder: Path) -> None:
    written = generate_ari.render(generate_ari.read(folder))
    assert "class ThingMade(Event, " in written["events.py"]
    assert '"ThingMade": ThingMade,' in written["events.py"]
    assert "class Thing(Model, " in written["models.py"]
    assert "size: int | None = None" in written["models.py"]


def test_descriptions_are_not_taken_over(folder: Path) -> None:
    assert not any("Words of the authors" in text for text in generate_ari.render(generate_ari.read(folder)).values())


def test_check_notices_a_difference(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, generate_ari.__file__, str(folder), "--out", str(out)]
    assert subprocess.run([*command, "--check"], capture_output=True, check=False).returncode == 1
    assert subprocess.run(command, check=False).returncode == 0
    assert subprocess.run([*command, "--check"], check=False).returncode == 0
    (out / "events.py").write_text("changed by hand")
    stale = subprocess.run([*command, "--check"], capture_output=True, check=False, text=True)
    assert (stale.returncode, stale.stderr) == (1, "out of date: events.py\n")


def test_folder_without_resources_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"resources\.json"):
        generate_ari.read(tmp_path)
