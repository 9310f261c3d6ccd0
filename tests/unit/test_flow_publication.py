"""The identity of a script: what leaves no trace in its hash, and what does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.flow.difference import difference, lines
from engine.flow.document import Syntax, load
from engine.flow.publication import Publication, Reference, Unsound, canonical, publications, reference
from tests.gacs import framed

MAIN = "nodes: {hello: {call: {flow: ask}, then: over}}"
CALLING = f"{MAIN}\n---\ntitle: asks"


def published(documents: list[dict[str, Any]], **dumping: Any) -> tuple[Publication, ...]:
    return publications(load(json.dumps(documents, **dumping), Syntax.JSON))


def backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


def test_order_of_keys_layout_syntax_and_comments_leave_no_trace() -> None:
    documents = framed("title: Привет")
    (first,) = published(documents)
    (turned,) = published(backwards(documents), indent=3, ensure_ascii=True)
    yaml = "# a comment\n" + json.dumps(documents[0], ensure_ascii=False, indent=1)
    (from_yaml,) = publications(load(yaml))
    assert first.document == turned.document == from_yaml.document
    assert first.hash == turned.hash == from_yaml.hash


@pytest.mark.parametrize(
    "change", [lambda flow: flow.update(title="other"), lambda flow: flow.update(version=2)], ids=["title", "version"]
)
def test_every_value_is_part_of_the_identity(change: Callable[[dict[str, Any]], None]) -> None:
    documents = framed("title: one")
    (before,) = published(documents)
    change(documents[0])
    (after,) = published(documents)
    assert before.hash != after.hash


def test_canonical_form_is_what_the_page_says() -> None:
    assert canonical({"б": 1, "a": [1.0, True, None, 1e22], "Z": 'q"\n\x00'}) == (
        '{"Z":"q\\"\\n\\u0000","a":[1.0,true,null,1e+22],"б":1}'
    )


def test_version_holds_the_subflows_it_calls_and_changes_with_them() -> None:
    main, ask = framed(CALLING)
    (before,) = published([main, ask])
    whole = json.loads(before.document)
    assert (whole["flow"], whole["subflows"]) == (main, {"ask": ask})
    assert before.nodes == len(main["nodes"]) + len(ask["nodes"])
    (after,) = published([main, {**ask, "title": "asks otherwise"}])
    assert before.hash != after.hash
    (alone,) = published(framed("title: calls nothing"))
    assert json.loads(alone.document)["subflows"] == {}


def test_text_with_problems_is_refused_with_all_of_them() -> None:
    part = "start: helo\nnodes: {hello: {play: {prompt: hi}, then: over}}"
    with pytest.raises(Unsound) as caught:
        published(framed(part))
    assert {problem.code for problem in caught.value.problems} == {"G0201", "G0203"}
    assert caught.value.status == 422


@pytest.mark.parametrize("text", ["", "- 1", "{", "gacs: '1.0'", '"\\ud800"'])
def test_text_that_is_no_script_is_refused(text: str) -> None:
    with pytest.raises(Unsound):
        publications(load(text))


def test_subflows_alone_are_not_published() -> None:
    _, ask = framed(CALLING)
    with pytest.raises(Unsound):
        published([ask])


def test_references_are_hashes_numbers_or_names() -> None:
    assert reference("0123abcd") == Reference("0123abcd")
    assert reference("a.b@12") == Reference(None, "a.b", 12)
    assert reference("a.b") == Reference(None, "a.b")
    assert reference("0123abc") == Reference(None, "0123abc")


def test_difference_is_told_by_node_and_value() -> None:
    old = {
        "flow": {"version": 1, "limits": {"max_webhooks": 3}, "nodes": {"a": {"play": {"prompt": "hi"}}, "b": {}}},
        "subflows": {},
    }
    new = {
        "flow": {"version": 2, "nodes": {"a": {"play": {"prompt": "ho"}, "then": "c"}, "c": {}}},
        "subflows": {"ask": {"nodes": {"x": {}}}},
    }
    told = list(lines(difference(canonical(old), canonical(new))))
    assert told == [
        "- limits",
        "~ nodes.a",
        '    play.prompt: "hi" -> "ho"',
        '    then: (nothing) -> "c"',
        "- nodes.b",
        "+ nodes.c",
        "+ subflows.ask.nodes.x",
        "~ version",
        "    all: 1 -> 2",
    ]
    assert difference(canonical(old), canonical(old)) == ()
