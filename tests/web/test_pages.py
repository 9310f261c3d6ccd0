"""The pages: everything comes from this process, and nothing in them needs a hole in the content security policy."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from served_site import TOKEN, Site

from engine.adapters.telemetry.catalogue import CATALOGUE
from engine.agent.machine import AgentState
from engine.call.model import Phase
from engine.http.pages import routes
from engine.outcome.disposition import Outcome

PAGES = Path(str(resources.files("engine.http").joinpath("page")))
TEXTS = {path.name: path.read_text() for path in PAGES.iterdir()}


async def test_every_page_file_is_served_with_its_type_and_an_etag(site: Site) -> None:
    for route in routes.all:
        async with site.stranger.get(site.base + route.path) as response:
            assert response.status == 200
            assert response.content_type == route.content_type
            tag = response.headers["ETag"]
            assert len(await response.read()) > 100
        async with site.stranger.get(site.base + route.path, headers={"If-None-Match": tag}) as response:
            assert response.status == 304


def test_every_file_of_the_page_folder_is_served() -> None:
    served = {route.path.rsplit("/", 1)[-1] for route in routes.all}
    assert {name for name in TEXTS if not name.endswith(".html")} <= served


@pytest.mark.parametrize("name", [name for name in TEXTS if name.endswith(".html")])
def test_pages_need_no_inline_script_or_style(name: str) -> None:
    text = TEXTS[name]
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert 'lang="en"' in text


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_nothing_is_loaded_from_elsewhere(name: str) -> None:
    links = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", re.sub(r"^\s*//.*$", "", TEXTS[name], flags=re.M)))
    assert {link for link in links if "www.w3.org/2000/svg" not in link} == set()


@pytest.mark.parametrize("name", [name for name in TEXTS if name.endswith(".js")])
def test_scripts_make_no_html_from_text(name: str) -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", TEXTS[name])


def test_the_token_is_sent_in_a_header_and_kept_for_the_tab_only() -> None:
    script = TEXTS["live.js"] + TEXTS["feed.js"]
    assert "localStorage.setItem(TOKEN_KEY" not in script
    assert not re.search(r"fetch\([^)]*token", script, flags=re.I)
    assert "EventSource(" not in script


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_page_has_a_colour_for_every_outcome(outcome: Outcome) -> None:
    assert f'"{outcome}"' in TEXTS["live.js"]
    assert f".o-{outcome} " in TEXTS["live.css"]


@pytest.mark.parametrize("state", list(AgentState))
def test_the_page_has_a_style_for_every_agent_state(state: AgentState) -> None:
    assert f".agent.{state}" in TEXTS["live.css"]


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in {Phase.ENDED, Phase.HANGING_UP}])
def test_the_page_orders_every_phase_of_a_call(phase: Phase) -> None:
    assert f'"{phase}"' in TEXTS["live.js"]


async def test_metrics_show_exactly_what_the_catalogue_declares(site: Site) -> None:
    async with site.client.get(site.base + "/api/v1/calls") as response:
        assert response.status == 200
    async with site.stranger.get(site.base + "/metrics") as response:
        text = await response.text()
        assert response.headers["Content-Type"].startswith("text/plain")
    names = set(re.findall(r"^# TYPE (vss_\w+) ", text, flags=re.M))
    assert {name for name in names if not name.endswith("_created")} == set(CATALOGUE)
    assert TOKEN not in text
