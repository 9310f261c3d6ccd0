"""A campaign's pacing settings: what is refused, by which name, and what a campaign needs before it may start."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from engine.dialer.campaign import (
    AnswerAction,
    Campaign,
    CampaignStatus,
    DialMode,
    check_settings,
    check_start,
)
from engine.dialer.draft import CampaignDraft
from engine.dialer.pacer import PacerConfig
from engine.dialer.settings import PACING_FIELDS, PacingSettings
from engine.errors import ConfigError, Rejected
from engine.http.schemas import CampaignShown, NewCampaign
from engine.ids import CampaignId, TrunkName
from engine.outcome.disposition import UNCOUNTED, Outcome

TRUNK = TrunkName("carrier")


def campaign(**changes: Any) -> Campaign:
    draft = CampaignDraft("Spring", TRUNK)
    plain = {field.name: getattr(draft, field.name) for field in fields(draft) if not field.name.startswith("window_")}
    return replace(Campaign(id=CampaignId(1), status=CampaignStatus.DRAFT, **plain), **changes)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("jurisdiction", "atlantis"),
        ("abandon_limit", 0.0),
        ("abandon_limit", -0.01),
        ("abandon_limit", 1.0),
        ("abandon_limit", 0.031),
        ("fp_rate", -0.001),
        ("fp_rate", 0.03),
        ("lines_per_agent", 0.5),
        ("lines_per_agent_max", 0.0),
        ("pool_weight", 0.0),
        ("pool_weight", -1.0),
        ("preview_limit_s", 0.0),
    ],
)
def test_wrong_setting_is_refused_by_its_name(field: str, value: object) -> None:
    settings = PacingSettings(**{field: value})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"^{field}: "):
        CampaignDraft("Spring", TRUNK, pacing=settings)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("field", ["abandon_limit", "fp_rate", "lines_per_agent", "pool_weight", "preview_limit_s"])
def test_what_is_no_number_is_refused(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"^{field}: "):
        PacingSettings(**{field: value}).checked()  # type: ignore[arg-type]


def test_settings_become_the_pacers_configuration() -> None:
    settings = PacingSettings("uk-ofcom", 0.02, 0.005, lines_per_agent_max=4.0, small_team=False, cancel=False)
    assert settings.pacer_config(patience_s=0.5) == PacerConfig(
        "uk-ofcom", 0.02, 0.005, patience_s=0.5, lines_per_agent_max=4.0, small_team=False, cancel=False
    )


@pytest.mark.parametrize("mode", [DialMode.POWER, DialMode.PREDICTIVE])
def test_overdialing_may_not_let_people_wait_longer_than_the_law(mode: DialMode) -> None:
    check_settings(mode, 2.0, PacingSettings())
    with pytest.raises(ConfigError, match=r"^answer_limit_s: 2.5 must be at most 2.0, the limit of us-ftc"):
        CampaignDraft("Spring", TRUNK, dial_mode=mode, answer_limit_s=2.5)
    check_settings(DialMode.PROGRESSIVE, 2.5, PacingSettings())


@pytest.mark.parametrize("name", ["de", "ru"])
def test_where_the_law_asks_for_consent_a_campaign_must(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^require_consent: "):
        CampaignDraft("Spring", TRUNK, pacing=PacingSettings(name))
    CampaignDraft("Spring", TRUNK, pacing=PacingSettings(name, require_consent=True))


@pytest.mark.parametrize("mode", DialMode)
def test_working_mode_may_start(mode: DialMode) -> None:
    check_start(campaign(dial_mode=mode, identity_text="This is Example Ltd, call us back at 1 202 555 0100."))


@pytest.mark.parametrize("mode", [DialMode.PREVIEW, DialMode.POWER, DialMode.PREDICTIVE])
@pytest.mark.parametrize("action", [AnswerAction.MESSAGE, AnswerAction.HANG_UP])
def test_modes_for_agents_refuse_other_answer_actions(mode: DialMode, action: AnswerAction) -> None:
    with pytest.raises(Rejected, match="answer_action") as caught:
        check_start(campaign(dial_mode=mode, answer_action=action, message=("sound:ours",)))
    assert caught.value.code == "campaign_invalid"


@pytest.mark.parametrize("mode", [DialMode.POWER, DialMode.PREDICTIVE])
def test_overdialing_needs_something_to_say(mode: DialMode) -> None:
    with pytest.raises(Rejected) as caught:
        check_start(campaign(dial_mode=mode))
    assert caught.value.code == "no_identity_message"
    check_start(campaign(dial_mode=mode, identity_text="This is Example Ltd."))
    check_start(campaign(dial_mode=mode, message=("sound:ours",)))


def test_campaign_that_the_law_has_overtaken_may_not_start() -> None:
    """Its row was written when the law's data said otherwise: it is read and shown, but does not dial."""
    with pytest.raises(Rejected, match="abandon_limit: ") as caught:
        check_start(campaign(pacing=PacingSettings(abandon_limit=0.2)))
    assert caught.value.code == "campaign_invalid"


def test_skipped_lead_is_looked_at_again_and_the_look_counts() -> None:
    assert Outcome.SKIPPED not in UNCOUNTED


def test_every_setting_can_be_given_and_is_shown_over_http() -> None:
    assert set(PACING_FIELDS) <= set(NewCampaign.model_fields)
    given = NewCampaign(name="Spring", trunk="carrier", jurisdiction="uk-ofcom", abandon_limit=0.02, pool_weight=2.0)
    draft = given.draft()
    assert draft.pacing == PacingSettings("uk-ofcom", 0.02, pool_weight=2.0)
    shown = CampaignShown.model_validate(campaign(pacing=draft.pacing)).model_dump()
    assert {name: shown[name] for name in PACING_FIELDS} == {
        name: getattr(draft.pacing, name) for name in PACING_FIELDS
    }
