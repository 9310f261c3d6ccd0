"""compose.yml, Dockerfile and .env.example: sound, without secrets, and in step with the settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.config import Settings, load, read_env_file
from engine.errors import ConfigError

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = read_env_file(ROOT / ".env.example")
SECRETS = {name for name in EXAMPLE if name.endswith(("_PASSWORD", "_TOKEN"))}
PROFILES = {"core", "edge", "bus", "obs", "load"}
LOOPBACK = re.compile(r"127\.0\.0\.1:[\w${}:-]+:\d+")


def test_every_service_belongs_to_a_profile_and_every_profile_has_one() -> None:
    named = {profile for service in SERVICES.values() for profile in service["profiles"]}
    assert named == PROFILES | {"tools"}


def test_every_secret_is_required_and_has_no_default() -> None:
    used = set(re.findall(r"\$\{(\w+)", TEXT)) & SECRETS
    assert used == SECRETS
    for name in SECRETS:
        assert set(re.findall(rf"\$\{{{name}([^}}]*)\}}", TEXT)) == {":?run ./vss init"}, name
        assert EXAMPLE[name] == ""


def test_every_variable_is_explained_in_the_example() -> None:
    assert set(re.findall(r"\$\{(VSS_\w+)", TEXT)) <= set(EXAMPLE)


def test_the_example_names_every_setting_and_starts_nothing() -> None:
    settings = {f"VSS_{name.upper()}" for name in Settings.model_fields}
    assert settings <= set(EXAMPLE)
    with pytest.raises(ConfigError) as refused:
        load({name: value for name, value in EXAMPLE.items() if value})
    assert "VSS_API_TOKEN" in str(refused.value)


def test_the_examples_values_are_the_engines_defaults() -> None:
    for name, field in Settings.model_fields.items():
        shown = EXAMPLE[f"VSS_{name.upper()}"]
        if shown and not field.is_required() and field.default is not None:
            assert type(field.default)(shown) == field.default, name


def test_the_engine_gets_every_setting_it_needs() -> None:
    given = SERVICES["engine"]["environment"]
    assert {f"VSS_{name.upper()}" for name in Settings.model_fields} <= set(given)


def test_services_publish_on_loopback_only() -> None:
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            assert LOOPBACK.fullmatch(port), f"{name}: {port}"
        if service.get("network_mode") == "host":
            assert "ports" not in service, name


def test_every_dependency_and_volume_exists_and_is_in_the_same_profile() -> None:
    for name, service in SERVICES.items():
        for other in service.get("depends_on", []):
            assert set(service["profiles"]) <= set(SERVICES[other]["profiles"]), f"{name} needs {other}"
            condition = dict(service["depends_on"])[other] if isinstance(service["depends_on"], dict) else {}
            if condition.get("condition") == "service_healthy":
                assert "healthcheck" in SERVICES[other], other
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), f"{name}: {source}"
            else:
                assert source in COMPOSE["volumes"], f"{name}: {source}"


def test_built_targets_exist_and_what_they_copy_is_in_the_build_context() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", dockerfile, flags=re.M))
    assert {service["build"]["target"] for service in SERVICES.values() if "build" in service} <= targets
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    for source in re.findall(r"^COPY (?!--from)(\S+)", dockerfile, flags=re.M):
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in {name.split("/")[0] for name in allowed}, source


def test_no_container_of_ours_runs_as_root() -> None:
    stages = re.split(r"^FROM \S+ AS ", (ROOT / "Dockerfile").read_text(), flags=re.M)[1:]
    for stage in stages:
        name = stage.split()[0]
        assert name == "python-packages" or re.search(r"^USER (?!root)\w+", stage, flags=re.M), name


def test_commands_of_services_are_commands_of_vss() -> None:
    known = {path.stem for path in (ROOT / "engine/cli").glob("*.py")} | {"db"}
    for name, service in SERVICES.items():
        if service.get("image") == "vss-engine" and "command" in service:
            assert service["command"][0] in known, name


def test_init_writes_every_secret_that_compose_requires(tmp_path: Path) -> None:
    from engine.cli.init import _text

    file = tmp_path / ".env"
    file.write_text(_text())
    written = read_env_file(file)
    assert set(written) >= SECRETS
    assert all(len(written[name]) >= 24 for name in SECRETS)
