"""`vss flow`: all problems at once, for people and for scripts, with the right exit code."""

from __future__ import annotations

import hashlib
import json
import struct
import wave
from pathlib import Path

import pytest

from engine.flow.schema import json_schema
from engine.stack.home import CHECKOUT
from tests.gacs import framed
from tests.vss_command import Here

EXAMPLES = sorted((CHECKOUT / "examples/gacs").glob("*.yaml"))


def written(tmp_path: Path, part: str) -> str:
    path = tmp_path / "script.json"
    path.write_text(json.dumps(framed(part)))
    return str(path)


def test_sound_scripts_exit_with_0(here: Here) -> None:
    ran = here.run("flow", "check", *map(str, EXAMPLES), "--json")
    assert ran.code == 0
    data = ran.json("flow-check")
    assert data["sound"]
    assert [file["file"] for file in data["files"]] == [str(path) for path in EXAMPLES]


def test_problems_exit_with_1_and_name_place_and_advice(here: Here, tmp_path: Path) -> None:
    path = written(tmp_path, "start: helo\nnodes: {hello: {play: {prompt: hi}, then: over}}")
    ran = here.run("flow", "check", path, "--json")
    assert ran.code == 1
    data = ran.json("flow-check")
    problems = data["files"][0]["problems"]
    assert (data["problems"], {problem["code"] for problem in problems}) == (2, {"G0201", "G0203"})
    assert all(problem["line"] == 1 for problem in problems)
    shown = here.run("flow", "check", path)
    assert shown.code == 1
    assert f"{path}:1: G0201 start: there is no node helo" in shown.out
    assert "-> did you mean hello?" in shown.out


@pytest.mark.parametrize("words", [["flow", "check"], ["flow", "check", "/nowhere.yaml"], ["flow", "check", "/"]])
def test_wrong_usage_exits_with_2(here: Here, words: list[str]) -> None:
    ran = here.run(*words, "--json")
    assert ran.code == 2
    assert json.loads(ran.out)["error"]["code"] == "usage"


def test_scripts_in_several_files_find_each_other(here: Here, tmp_path: Path) -> None:
    main, ask = framed("nodes: {hello: {call: {flow: ask}, then: over}}\n---\ntitle: asks")
    (tmp_path / "main.json").write_text(json.dumps(main))
    (tmp_path / "ask.json").write_text(json.dumps(ask))
    paths = [str(tmp_path / name) for name in ("main.json", "ask.json")]
    assert here.run("flow", "check", *paths).code == 0
    alone = here.run("flow", "check", paths[0])
    assert (alone.code, "G1001" in alone.out) == (1, True)


def test_what_the_place_allows_is_checked_when_it_is_said(here: Here, tmp_path: Path) -> None:
    path = written(tmp_path, "policies: {webhook_hosts: [api.example.org], dial_to: [+7495*]}")
    assert here.run("flow", "check", path).code == 0
    ran = here.run("flow", "check", path, "--allow-host", "example.net", "--dial-to", "+44*")
    assert ran.code == 1
    assert "G1105" in ran.out
    assert "G0807" in ran.out


def test_recordings_are_looked_up_by_their_content(here: Here, tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for name, rate in (("good.wav", 8000), ("odd.wav", 44100)):
        with wave.open(str(sounds / name), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(rate)
            sound.writeframes(struct.pack("<h", 0) * rate)
    (sounds / "text.wav").write_text("no sound")
    codes = {}
    for name in ("good.wav", "odd.wav", "text.wav", ""):
        digest = hashlib.sha256((sounds / name).read_bytes() if name else b"").hexdigest()
        path = written(tmp_path, f'prompts: {{hello: {{en-GB: {{audio: "sha256:{digest}"}}}}}}')
        ran = here.run("flow", "check", path, "--audio", str(sounds), "--json").json("flow-check")
        codes[name] = [problem["code"] for problem in ran["files"][0]["problems"]]
    assert codes == {"good.wav": [], "odd.wav": ["G0904"], "text.wav": ["G0904"], "": ["G0903"]}


def test_a_file_that_is_not_utf_8_is_a_problem_of_the_file(here: Here, tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("title: é".encode("latin-1"))
    ran = here.run("flow", "check", str(path), "--json")
    assert ran.code == 1
    assert [problem["code"] for problem in ran.json("flow-check")["files"][0]["problems"]] == ["G0101"]


def test_the_schema_is_printed(here: Here) -> None:
    assert json.loads(here.run("flow", "schema").out) == json_schema()
    assert json.loads(here.run("flow", "schema", "--json").out) == json_schema()
