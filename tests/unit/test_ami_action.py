"""What may be said over AMI, against values that try to say more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from panoramisk.actions import Action

from engine.adapters.ami.action import ALLOWED, READING, RELOADABLE, VALUE_MAX, ForbiddenAction, checked

TROUBLE = st.sampled_from(
    ["\r", "\n", "\r\n", "\r\n\r\nAction: Originate\r\nChannel: PJSIP/1", "\x00", "\x85", "\u2028"]
)


@pytest.mark.parametrize(
    "action",
    [
        "Originate", "originate", "Redirect", "Hangup", "Command", "Setvar", "UpdateConfig", "AGI", "Bridge", "Atxfer",
        "ModuleLoad", "QueueAdd", "", "Ping\r\nAction: Originate",
    ],
)  # fmt: skip
def test_only_listed_actions_are_sent(action: str) -> None:
    with pytest.raises(ForbiddenAction):
        checked(action, {})


def test_nothing_on_the_list_can_start_move_or_end_a_call() -> None:
    assert {"CoreShowChannels", "CoreStatus", "Login", "Logoff", "PJSIPShowContacts", "PJSIPShowEndpoints",
            "PJSIPShowRegistrationsOutbound", "Ping", "Reload"} == ALLOWED  # fmt: skip


@given(st.sampled_from(sorted(READING)), st.text(max_size=20), TROUBLE, st.text(max_size=20))
def test_a_value_with_a_line_end_is_refused(action: str, before: str, trouble: str, after: str) -> None:
    with pytest.raises(ForbiddenAction):
        checked(action, {"Filter": before + trouble + after})


@given(st.text(max_size=20), TROUBLE)
def test_a_header_name_with_a_line_end_is_refused(before: str, trouble: str) -> None:
    with pytest.raises(ForbiddenAction):
        checked("Ping", {before + trouble: "1"})


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=VALUE_MAX + 20), max_size=5))
def test_what_is_accepted_is_one_action_on_the_wire(fields: dict[str, str]) -> None:
    try:
        accepted = checked("Ping", fields)
    except ForbiddenAction:
        return
    wire = str(Action({**accepted, "ActionID": "1"}))
    assert wire.count("\r\n\r\n") == 1
    assert wire.endswith("\r\n\r\n")
    assert [line for line in wire.splitlines() if line.lower().startswith("action:")] == ["Action: Ping"]


@pytest.mark.parametrize("name", ["Action", "action", "ActionID", "Command", "CommandID"])
def test_a_field_cannot_replace_the_action(name: str) -> None:
    with pytest.raises(ForbiddenAction):
        checked("Ping", {name: "Originate"})


def test_the_refusal_does_not_repeat_a_secret() -> None:
    with pytest.raises(ForbiddenAction) as refused:
        checked("Login", {"Username": "vss", "Secret": "hunter2\n"})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("fields", [{}, {"Module": ""}, {"Module": "app_system.so"}, {"Module": "RES_PJSIP.SO"}])
def test_only_our_own_configuration_is_reloaded(fields: dict[str, str]) -> None:
    with pytest.raises(ForbiddenAction):
        checked("Reload", fields)


@pytest.mark.parametrize("module", sorted(RELOADABLE))
def test_a_module_of_ours_is_reloaded(module: str) -> None:
    assert checked("Reload", {"Module": module}) == {"Action": "Reload", "Module": module}
