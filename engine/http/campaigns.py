"""Routes of campaigns."""

from __future__ import annotations

from typing import cast

from engine.errors import ConfigError

from .control import CampaignChange, CampaignOverview
from .problem import refused
from .route import CAMPAIGN, Exchange, Routes
from .schemas import CampaignList, Empty, NewCampaign, OverviewShown, PacingShown, StatsShown

routes = Routes("campaigns")


def shown(overview: CampaignOverview) -> OverviewShown:
    return OverviewShown.model_validate(overview)


@routes.add("GET", "/api/v1/campaigns", summary="All campaigns with their numbers", answer=CampaignList)
async def list_campaigns(x: Exchange) -> CampaignList:
    return CampaignList(items=[shown(overview) for overview in await x.control.campaigns()])


@routes.add(
    "POST",
    "/api/v1/campaigns",
    summary="Create a campaign; it starts as a draft",
    body=NewCampaign,
    answer=OverviewShown,
    status=201,
    problems=(404, 409),
    once=True,
)
async def create_campaign(x: Exchange) -> OverviewShown:
    try:
        draft = x.body_as(NewCampaign).draft()
    except ConfigError as error:
        raise refused(error) from None
    overview = await x.control.create_campaign(draft)
    x.headers["Location"] = f"/api/v1/campaigns/{overview.campaign.id}"
    return shown(overview)


@routes.add("GET", f"/api/v1/campaigns/{CAMPAIGN}", summary="One campaign", answer=OverviewShown, problems=(404,))
async def get_campaign(x: Exchange) -> OverviewShown:
    return shown(await x.control.campaign(x.campaign))


@routes.add(
    "GET",
    f"/api/v1/campaigns/{CAMPAIGN}/stats",
    summary="A campaign's statistics as the database's triggers keep them, and its live counts",
    answer=StatsShown,
    problems=(404,),
)
async def campaign_stats(x: Exchange) -> StatsShown:
    return StatsShown.model_validate((await x.control.campaign(x.campaign)).stats)


@routes.add(
    "GET",
    f"/api/v1/campaigns/{CAMPAIGN}/pacing",
    summary="Why it dials what it dials, what it would need to dial more, and its account of abandoned calls",
    answer=PacingShown,
    problems=(404,),
)
async def campaign_pacing(x: Exchange) -> PacingShown:
    return PacingShown.model_validate(await x.control.pacing(x.campaign))


@routes.add(
    "POST",
    f"/api/v1/campaigns/{CAMPAIGN}/{{change:start|pause|stop}}",
    summary="Start, pause or stop a campaign; calls in progress go on",
    body=Empty,
    answer=OverviewShown,
    problems=(404, 409),
)
async def change_campaign(x: Exchange) -> OverviewShown:
    change = cast(CampaignChange, x.request.match_info["change"])
    return shown(await x.control.change_campaign(x.campaign, change))
