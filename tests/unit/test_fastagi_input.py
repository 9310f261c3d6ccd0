"""The FastAGI parser and the quoting, against anything that a TCP port may receive."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.fastagi.answer import (
    REJECT,
    Reply,
    UnsafeVariable,
    Variable,
    for_route,
    for_unknown_number,
    plain_name,
    quoted,
    reply_of,
    set_variable,
)
from engine.adapters.fastagi.request import BLOCK_MAX_B, LINE_MAX_B, LINES_MAX, AgiRequest, BadAgiInput, HeaderBlock
from engine.ids import Slot
from engine.ports import InboundRoute

# what means something to Asterisk's parser comes far more often than chance would have it
texts = st.text(st.one_of(st.sampled_from('"\\ \t\r\n\x00'), st.characters()), max_size=200)


def asterisk_arguments(line: str) -> list[str]:
    """How Asterisk splits a command (res_agi.c, parse_args), to read back what we wrote."""
    arguments: list[str] = []
    current, in_quotes, escaped, started = "", False, False, False
    for character in line:
        if escaped:
            current, escaped, started = current + character, False, True
        elif character == "\\":
            escaped = True
        elif character == '"':
            in_quotes, started = not in_quotes, True
        elif character in " \t" and not in_quotes:
            if started:
                arguments.append(current)
            current, started = "", False
        else:
            current, started = current + character, True
    return [*arguments, current] if started else arguments


def parse(lines: list[bytes]) -> AgiRequest | None:
    block = HeaderBlock()
    return next((request for line in lines if (request := block.take(line)) is not None), None)


def header_lines(**headers: str) -> list[bytes]:
    return [f"agi_{name}: {value}\n".encode() for name, value in headers.items()] + [b"\n"]


def test_block_of_asterisk_becomes_a_request() -> None:
    request = parse(
        header_lines(
            network="yes", network_script="route", channel="PJSIP/trunk-1", uniqueid="1.2", callerid="4930123",
            calleridname="unknown", arg_1="4989123", arg_2="4930123", arg_3="carrier",
        )
    )  # fmt: skip
    assert request is not None
    assert request.script == "route"
    assert request.arguments == ("4989123", "4930123", "carrier")
    assert request.argument(2) == "carrier"
    assert request.argument(3) == ""
    assert request.caller_id == "4930123"
    assert request.caller_name == ""


def test_missing_argument_keeps_its_place() -> None:
    request = parse(header_lines(network_script="route", arg_2="b"))
    assert request is not None
    assert request.arguments == ("", "b")


@pytest.mark.parametrize(
    "lines",
    [
        [b"GET / HTTP/1.1\r\n"],
        [b"\x16\x03\x01\x02\x00\x01\n"],
        [b"agi_network_script route\n"],
        [b"agi_callerid: 1\n", b"agi_callerid: 2\n"],
        [b"agi_channel: x\n", b"\n"],
        [b"agi_callerid: " + b"9" * LINE_MAX_B + b"\n"],
        [f"agi_x{index}: 1\n".encode() for index in range(LINES_MAX + 1)],
        [f"agi_x{index}: {'y' * 1900}\n".encode() for index in range(BLOCK_MAX_B // 1900 + 1)],
    ],
    ids=["http", "tls", "no colon", "twice", "no script", "long line", "many lines", "long block"],
)
def test_what_is_not_agi_is_refused(lines: list[bytes]) -> None:
    with pytest.raises(BadAgiInput):
        parse(lines)


@given(st.lists(st.binary(max_size=LINE_MAX_B + 100), max_size=LINES_MAX + 5))
def test_any_bytes_are_parsed_or_refused(lines: list[bytes]) -> None:
    try:
        request = parse(lines)
    except BadAgiInput:
        return
    assert request is None or request.script


@given(
    st.dictionaries(st.from_regex(r"agi_[a-z0-9_]{1,12}", fullmatch=True), st.text(max_size=60), max_size=20),
    st.text(max_size=40),
)
def test_values_lose_control_characters_and_nothing_else_breaks(headers: dict[str, str], script: str) -> None:
    headers["agi_network_script"] = script
    lines = [f"{name}: {value}\n".encode("utf-8", "replace") for name, value in headers.items()]
    try:
        request = parse([*lines, b"\n"])
    except BadAgiInput:
        return
    assert request is not None
    for value in (request.script, *request.arguments, request.caller_id):
        assert not re.search(r"[\x00-\x1f\x7f]", value)


@given(texts)
def test_any_value_stays_one_argument_of_one_command(value: str) -> None:
    command = set_variable(Variable("VSS_TARGET", value)).decode("utf-8", "surrogatepass")
    assert command.count("\n") == 1
    assert command.endswith("\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", command)
    kept = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "", value)[:64]
    assert asterisk_arguments(command[:-1]) == ["SET", "VARIABLE", "VSS_TARGET", kept]


def test_injection_in_a_value_is_quoted() -> None:
    assert quoted('x"\nEXEC System "rm -rf /') == '"x\\"EXEC System \\"rm -rf /"'


@pytest.mark.parametrize("name", ["PATH", "VSS_", "VSS_x", 'VSS_A "b"', "VSS_A\nHANGUP", "CALLERID(num)"])
def test_only_variables_of_ours_are_set(name: str) -> None:
    with pytest.raises(UnsafeVariable):
        set_variable(Variable(name, "1"))


def test_route_to_a_pool_names_the_target_last() -> None:
    variables = for_route(InboundRoute("4989123", "sales", wait_max_s=90.0), "Ada Lovelace")
    assert [(variable.name, variable.value) for variable in variables] == [
        ("VSS_CALLER_NAME", "Ada Lovelace"),
        ("VSS_POOL", "sales"),
        ("VSS_WAIT_MAX_S", "90"),
        ("VSS_TARGET", "queue/sales"),
    ]


def test_route_to_a_slot_names_the_slot() -> None:
    assert for_route(InboundRoute("7001", "sales", Slot(7001)), None)[-1] == Variable("VSS_TARGET", "slot/7001")


def test_unknown_number_is_rejected() -> None:
    assert for_unknown_number() == (Variable("VSS_TARGET", REJECT),)


@pytest.mark.parametrize("pool", ["", "a b", 'x"]', "${SHELL(id)}", "a,b", "p" * 49])
def test_pool_the_dialplan_cannot_carry_is_refused(pool: str) -> None:
    with pytest.raises(UnsafeVariable):
        for_route(InboundRoute("1", pool), None)


@given(st.text(max_size=200))
def test_name_cannot_mean_anything_in_a_dialplan(name: str) -> None:
    plain = plain_name(name)
    assert len(plain) <= 64
    assert not set(plain) & set("\"'`\\$%{}[]()<>;,&|=^!?*\r\n\x00")


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        (b"200 result=1\n", Reply.OK),
        (b"200 result=-1\n", Reply.GONE),
        (b"200 result=-1\r\n", Reply.GONE),
        (b"HANGUP\n", Reply.GONE),
        (b"511 Command Not Permitted on a dead channel or intercept routine\n", Reply.GONE),
        (b"510 Invalid or unknown command\n", Reply.REFUSED),
        (b"520-Invalid command syntax.  Proper usage follows:\n", Reply.MORE),
        (b"520 End of proper usage.\n", Reply.REFUSED),
        (b"100 result=0 Trying...\n", Reply.MORE),
        (b"\n", Reply.REFUSED),
    ],
)
def test_reply_lines_of_asterisk(line: bytes, meaning: Reply) -> None:
    assert reply_of(line) is meaning
