"""The interpreter, rule by rule: keys, tries, restarts, limits, the ending, and what is kept apart."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from engine.flow.document import Syntax, load
from engine.flow.nodes.node import VERBS
from engine.flow.nodes.verb import Resume
from engine.flow.run.commands import (
    CallWebhook,
    Cancel,
    Conclude,
    DialParty,
    Dispose,
    HangUpCall,
    JoinQueue,
    Repeat,
    RunCommand,
    Say,
    StartMusic,
    Words,
)
from engine.flow.run.cursor import UnreadableRun, loaded, saved
from engine.flow.run.events import (
    AgentAssigned,
    DeadlinePassed,
    Digit,
    HungUp,
    PlaybackEnded,
    Restarted,
    RunEvent,
    StopAsked,
    Stored,
    TalkEnded,
    WebhookAnswered,
    WebhookFailed,
    WebhookFailure,
)
from engine.flow.run.interpreter import _ALWAYS, _PASSED, TABLE, advance, begin, results
from engine.flow.run.program import program
from engine.flow.run.state import Facts, Wait, WaitKind
from engine.flow.run.turn import GRACE_VISITS
from engine.flow.values import Money, WrongValue
from tests.gacs import framed, problems_of
from tests.gacs_chance import EVENTS, LIKELY

C = TypeVar("C")
PROMPTS = "prompts: {hello: {en-GB: {text: Hello.}}, more: {en-GB: {text: More.}}}\n"


class Phone:
    """A run with a clock of its own; remembers every command."""

    def __init__(
        self, part: str, params: dict[str, Any] | None = None, *, answered: bool = True, checked: bool = True
    ) -> None:
        documents = framed(PROMPTS + part)
        assert not checked or not problems_of(documents), problems_of(documents)
        flows = load(json.dumps(documents), Syntax.JSON).flows
        self.program = program(flows, flows[0].id)
        self.at = 1000.0
        facts = Facts(call="c", caller="+74951234567", called="+74950000000", answered=answered)
        step = begin(self.program, facts, params or {}, self.at)
        self.run = step.run
        self.commands = list(step.commands)

    def meet(self, event: RunEvent) -> list[RunCommand]:
        step = advance(self.program, self.run, event)
        self.run = step.run
        self.commands += step.commands
        return list(step.commands)

    @property
    def wait(self) -> Wait:
        assert self.run.wait is not None
        return self.run.wait

    def press(self, keys: str) -> None:
        for key in keys:
            self.at += 0.2
            self.meet(Digit(at=self.at, key=key))

    def hear(self) -> None:
        """The prompt ends."""
        self.at += 1
        assert self.wait.sound is not None
        self.meet(PlaybackEnded(at=self.at, request=self.wait.sound))

    def pass_time(self) -> None:
        self.at = self.wait.deadline_at
        self.meet(DeadlinePassed(at=self.at))

    def reply(self, kind: type[Any], **more: Any) -> None:
        self.meet(kind(at=self.at, request=self.wait.request, **more))

    def said(self) -> list[str]:
        return [command.prompt for command in self.commands if isinstance(command, Say)]

    def done(self, kind: type[C]) -> list[C]:
        return [command for command in self.commands if isinstance(command, kind)]


PIN = (
    "vars: {pin: {type: digits, max: 6, sensitive: true}}\n"
    "nodes: {hello: {gather: {prompt: hello, into: pin, min: 2, max: 4, retries: 1}, then: over, "
    "on: {max_retries: over}}}"
)


def test_every_kind_of_wait_is_answered_and_every_reply_is_expected_somewhere() -> None:
    assert set(_PASSED) == set(WaitKind) == set(LIKELY)
    expected = {event for _, event in TABLE}
    assert expected | set(_ALWAYS) == set(EVENTS)
    assert not expected & set(_ALWAYS)
    assert {verb.RESUME for verb in VERBS.values()} == set(Resume)


def test_keys_end_with_the_finish_key() -> None:
    phone = Phone(PIN)
    phone.hear()
    phone.press("12#")
    assert results(phone.program, phone.run) == {}
    assert phone.run.stack[0].secrets == {"pin": "12"}
    assert phone.run.node == "over"


def test_a_key_stops_the_prompt_and_counts() -> None:
    phone = Phone(PIN)
    sound = phone.wait.sound
    phone.press("1")
    assert phone.done(Cancel) == [Cancel(request=str(sound))]
    phone.meet(PlaybackEnded(at=phone.at, request=str(sound)))  # reported late
    assert phone.wait.entered == "1"


def test_the_finish_key_after_a_full_entry_is_no_key_of_the_next_input() -> None:
    part = PIN.replace("then: over", "then: menu").replace(
        "}}}", "}}, menu: {menu: {prompt: more, options: {'1': over}, retries: 0}, on: {max_retries: bye}}}"
    )
    part = part.replace("on: {max_retries: bye}", "on: {max_retries: over}")
    phone = Phone(part)
    phone.hear()
    phone.press("1234#")
    assert (phone.run.node, phone.wait.kind) == ("menu", WaitKind.SOUND)
    phone.press("1")
    assert phone.run.node == "over"


def test_too_few_keys_cost_a_try_and_forget_what_was_pressed_ahead() -> None:
    phone = Phone(PIN)
    phone.hear()
    phone.press("1")
    phone.pass_time()
    assert phone.said() == ["hello", "hello"]
    phone.hear()
    phone.pass_time()
    assert phone.run.node == "over"
    assert phone.run.stack[0].secrets == {"pin": None}


def test_what_is_pressed_ahead_answers_the_next_input_without_its_prompt() -> None:
    part = (
        "nodes: {hello: {play: {prompt: hello}, then: menu}, "
        "menu: {menu: {prompt: more, options: {'1': over}}, on: {max_retries: over}}}"
    )
    phone = Phone(part)
    phone.press("1")
    assert phone.run.node == "hello"
    phone.hear()
    assert phone.run.node == "over"
    assert phone.said() == ["hello"]


def test_consent_must_be_heard() -> None:
    part = (
        "nodes: {hello: {play: {prompt: hello}, then: ask}, ask: {consent: {kind: data, prompt: more}, "
        "on: {granted: over, refused: over, no_answer: over}}}"
    )
    phone = Phone(part)
    phone.press("1")
    phone.hear()
    assert (phone.run.node, phone.wait.kind) == ("ask", WaitKind.SOUND)
    phone.press("1")
    assert phone.wait.kind is WaitKind.STORING
    phone.reply(Stored, id="e1")
    assert phone.run.node == "over"


COLLECT = (
    "vars: {when: {type: date}}\n"
    "nodes: {hello: {collect: {prompt: hello, type: date, into: when, confirm: more, retries: 1}, then: over, "
    "on: {max_retries: over}}}"
)


def test_a_date_is_read_and_confirmed() -> None:
    phone = Phone(COLLECT)
    phone.press("31022026")  # there is no such day
    assert phone.said() == ["hello", "hello"]
    phone.press("05032026")
    assert phone.said()[-1] == "more"
    phone.press("1")
    assert str(phone.run.stack[0].values["when"]) == "2026-03-05"
    assert phone.run.node == "over"


def test_saying_no_costs_a_try() -> None:
    phone = Phone(COLLECT)
    phone.press("05032026")
    phone.press("2")
    phone.press("06032026")
    phone.press("2")
    assert phone.run.node == "over"


@pytest.mark.parametrize(("keys", "amount"), [("150#", "150"), ("12*5#", "12.5"), ("*50#", "0.50")])
def test_money_has_a_star_for_the_point(keys: str, amount: str) -> None:
    phone = Phone(
        "vars: {due: {type: money, currency: RUB}}\n"
        "nodes: {hello: {collect: {prompt: hello, type: money, currency: RUB, into: due}, "
        "then: over, on: {max_retries: over}}}"
    )
    phone.press(keys)
    due = phone.run.stack[0].values["due"]
    assert isinstance(due, Money)
    assert due.amount == Decimal(amount)


def test_hang_up_ends_a_node_that_needs_the_caller_and_is_noticed_later_by_others() -> None:
    phone = Phone("on: {hangup: over}")
    phone.meet(HungUp(at=phone.at))
    assert phone.run.node == "over"
    phone.reply(Stored)
    assert phone.run.ended == "script"
    assert phone.done(Dispose)[0].code == "reached"
    assert not phone.done(HangUpCall)
    without = Phone("nodes: {hello: {play: {prompt: hello}, then: over}}")
    without.meet(HungUp(at=without.at))
    assert [command.code for command in without.done(Dispose)] == ["hung_up"]


QUEUE = (
    "nodes: {hello: {queue: {pool: p, max_wait_s: 100, position: more, position_every_s: 30}, "
    "on: {agent: over, timeout: over, no_agents: over, abandoned: left}}, "
    "left: {disposition: {code: left}, then: bye}}"
)


def test_a_queue_tells_the_position_until_an_agent_is_there() -> None:
    phone = Phone(QUEUE)
    assert phone.done(JoinQueue)[0].pool == "p"
    phone.pass_time()
    phone.pass_time()
    assert phone.said() == ["more", "more"]
    phone.reply(AgentAssigned)
    spent = phone.run.spent_s
    phone.at += 1000
    phone.reply(TalkEnded)
    assert phone.run.spent_s == spent  # people talking do not count
    assert phone.run.node == "over"


def test_a_queue_ends_in_time_or_when_the_caller_leaves() -> None:
    phone = Phone(QUEUE)
    for _ in range(4):
        phone.pass_time()
    assert (phone.at, phone.run.node) == (1100.0, "over")
    left = Phone(QUEUE)
    left.meet(HungUp(at=left.at))
    assert left.run.node == "left"


WEBHOOK = (
    "policies: {webhook_hosts: [api.example.org]}\n"
    "vars: {left: {type: int}}\n"
    "nodes: {hello: {webhook: {url: 'https://api.example.org/', response: {left: {type: int}}, into: {left: left}, "
    "filler: {music: default, after_s: 1}}, then: over, on: {error.http: over, error.*: bad}}, "
    "bad: {disposition: {code: bad}, then: bye}}"
)


def test_a_webhook_s_answer_is_typed() -> None:
    phone = Phone(WEBHOOK)
    phone.pass_time()
    assert phone.done(StartMusic)
    phone.reply(WebhookAnswered, body={"left": 3})
    assert phone.run.stack[0].values["left"] == 3
    wrong = Phone(WEBHOOK)
    wrong.reply(WebhookAnswered, body={"left": "three"})
    assert wrong.run.node == "bad"
    failed = Phone(WEBHOOK)
    failed.reply(WebhookFailed, failure=WebhookFailure.HTTP)
    assert failed.run.node == "over"


def test_a_late_answer_changes_nothing() -> None:
    phone = Phone(WEBHOOK)
    request = phone.wait.request
    while phone.run.node == "hello":
        phone.pass_time()
    before = phone.run
    phone.meet(WebhookAnswered(at=phone.at, request=request, body={"left": 3}))
    assert phone.run == before


def test_after_a_restart_a_webhook_is_asked_with_the_same_key_and_a_prompt_is_said_again() -> None:
    phone = Phone(WEBHOOK)
    phone.meet(Restarted(at=phone.at))
    keys = {command.request for command in phone.done(CallWebhook)}
    assert (len(phone.done(CallWebhook)), keys) == (2, {"c:hello:1"})
    assert phone.run.webhooks == 1
    asked = Phone(PIN)
    asked.hear()
    asked.press("1")
    asked.meet(Restarted(at=asked.at))
    assert (asked.said(), asked.wait.attempt, asked.wait.entered) == (["hello", "hello"], 1, "")


def test_what_is_sensitive_is_stored_apart() -> None:
    phone = Phone(PIN.replace("then: over", "then: menu").replace(
        "}}}", "}}, menu: {menu: {prompt: more, options: {'9': over}}, on: {max_retries: over}}}"
    ))  # fmt: skip
    phone.hear()
    phone.press("873")
    stored = saved(phone.run)
    assert "873" not in json.dumps(stored["run"])
    assert "873" in json.dumps(stored["secret"])
    phone.press("6")
    stored = saved(phone.run)
    assert "8736" not in json.dumps(stored["run"])
    assert loaded(phone.program, json.loads(json.dumps(stored))) == phone.run


def test_a_stored_run_of_another_script_is_refused() -> None:
    phone = Phone(PIN)
    with pytest.raises(UnreadableRun):
        loaded(Phone("title: other").program, saved(phone.run))
    stored = saved(phone.run)
    stored["run"]["format"] = 0
    with pytest.raises(UnreadableRun, match="format"):
        loaded(phone.program, stored)


def test_the_time_of_a_script_is_bounded_and_its_handler_ends_it_decently() -> None:
    part = (
        "limits: {max_duration_s: 100}\n"
        "on: {max_duration: sorry}\n"
        "nodes: {hello: {pause: {for_s: 80}, then: over}, sorry: {play: {prompt: more}, then: over}}"
    )
    phone = Phone(part)
    phone.at += 101
    phone.meet(DeadlinePassed(at=phone.at))
    assert phone.run.node == "sorry"
    phone.hear()
    assert phone.run.node == "over"


def test_the_built_in_ending_apologises_and_hangs_up_with_one_disposition() -> None:
    phone = Phone("vars: {n: {type: int, init: 0}}\nnodes: {hello: {set: {n: '1 % n'}, then: over}}")
    assert phone.wait.kind is WaitKind.APOLOGY
    assert isinstance(phone.done(Say)[0].sounds[0], Words)
    phone.hear()
    assert [command.code for command in phone.done(Dispose)] == ["system_error"]
    assert phone.done(Conclude)[0].reason == "error.expression"
    assert len(phone.done(HangUpCall)) == 1


def test_a_stop_ends_a_run_at_once() -> None:
    phone = Phone(QUEUE)
    phone.meet(StopAsked(at=phone.at))
    assert phone.run.over
    assert [command.code for command in phone.done(Dispose)] == ["stopped"]
    assert [command.request for command in phone.done(Cancel)] == ["c:hello:1"]


def test_a_subflow_gives_its_results_and_its_errors() -> None:
    part = (
        "vars: {answer: {type: int}}\n"
        "nodes: {hello: {call: {flow: ask, params: {n: 2}, into: {answer: found}}, then: over, on: {error.*: bad}}, "
        "bad: {disposition: {code: bad}, then: bye}}\n"
        "---\n"
        "params: {n: {type: int, required: true}}\n"
        "results: [{name: found, type: int}]\n"
        "start: wait\n"
        "nodes: {wait: {pause: {for_s: 1}, then: back}, back: {return: {results: {found: '10 % (n - 2)'}}}}"
    )
    failed = Phone(part)
    assert failed.run.node == "hello/wait"
    failed.pass_time()
    assert failed.run.node == "bad"
    good = Phone(part.replace("(n - 2)", "(n + 2)"))
    good.pass_time()
    assert good.run.stack[0].values["answer"] == 2


def test_a_loop_counts_and_a_split_is_the_same_for_the_same_call() -> None:
    part = (
        "nodes: {hello: {loop: {times: 3, body: wait}, then: split}, wait: {pause: {for_s: 1}, then: hello}, "
        "split: {random_split: {branches: [{weight: 1, to: over}, {weight: 1, to: other}]}}, "
        "other: {tag: {other: true}, then: over}}"
    )
    phone = Phone(part)
    for _ in range(3):
        assert phone.run.node == "wait"
        phone.pass_time()
    assert phone.run.node == "over"
    again = Phone(part)
    for _ in range(3):
        again.pass_time()
    assert again.commands == phone.commands


def test_a_speaking_node_answers_the_call() -> None:
    phone = Phone("title: t", answered=False)
    assert [type(command).__name__ for command in phone.commands] == ["AnswerCall", "Say"]


def test_parameters_are_held_to_their_types() -> None:
    part = "params: {due: {type: money, currency: RUB, required: true}}"
    with pytest.raises(WrongValue, match="due: is required"):
        Phone(part)
    with pytest.raises(WrongValue, match="due: expected a number"):
        Phone(part, {"due": "much"})
    with pytest.raises(WrongValue, match="other: example has no such parameter"):
        Phone(part, {"due": 1, "other": 1})


@pytest.mark.parametrize(
    ("fields", "music", "whispered"),
    [("", None, 0), ("kind: warm", "default", 0), ("kind: warm, whisper: more, music: slow", "slow", 1)],
)
def test_who_is_handed_over_hears_it_ring_and_in_a_warm_transfer_music(
    fields: str, music: str | None, whispered: int
) -> None:
    phone = Phone(
        'policies: {dial_to: ["+7*"]}\n'
        f"nodes: {{hello: {{transfer: {{to: \"'+74951234567'\", {fields}}}, then: over, "
        "on: {busy: over, no_answer: over, failed: over, error.*: over}}}"
    )
    (party,) = phone.done(DialParty)
    assert (party.music, len(party.whisper)) == (music, whispered)


def test_every_command_says_what_recovery_may_do_with_it() -> None:
    from engine.flow.run import commands

    kinds = [one for one in vars(commands).values() if isinstance(one, type) and issubclass(one, commands.Command)]
    assert all(isinstance(kind.REPEAT, Repeat) for kind in kinds)
    assert {kind.__name__ for kind in kinds if kind.REPEAT is Repeat.ONCE} == {"DialParty", "SendKeys"}


def test_a_handler_of_the_script_serves_once_then_the_built_in_ending_follows() -> None:
    part = (
        "vars: {n: {type: int, init: 0}}\non: {error.*: sorry}\n"
        "nodes: {hello: {set: {n: '1 % n'}, then: over}, sorry: {play: {prompt: more}, then: worse}, "
        "worse: {set: {n: '1 % n'}, then: over}}"
    )
    phone = Phone(part)
    assert phone.run.node == "sorry"
    phone.hear()
    assert (phone.run.node, phone.wait.kind) == ("worse", WaitKind.APOLOGY)


def test_visits_are_bounded_even_where_the_checks_were_wrong() -> None:
    part = (
        "vars: {n: {type: int, init: 0}}\nlimits: {max_node_visits: 50}\non: {max_node_visits: hello}\n"
        "nodes: {hello: {set: {n: n + 1}, then: hello}}"
    )
    phone = Phone(part, checked=False)
    assert phone.run.visits == 50 + GRACE_VISITS
    assert phone.run.befell == "max_node_visits"
    refused = Phone(
        "nodes: {hello: {tag: {a: 1}, then: hello, on: {max_visits: other}, max_visits: 2}, "
        "other: {tag: {a: 1}, then: hello, on: {max_visits: hello}, max_visits: 2}}",
        checked=False,
    )
    assert refused.run.befell == "max_node_visits"
