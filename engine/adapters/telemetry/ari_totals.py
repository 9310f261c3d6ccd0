"""The ARI socket's own counters as metrics, read at a scrape, so that counting costs the socket nothing."""

from __future__ import annotations

from collections.abc import Mapping

from engine.adapters.ari.link import Counters


def ari_totals(counters: Counters) -> Mapping[str, float]:
    """Totals by name, for PrometheusMetrics.add_totals."""
    return {
        "vss_ari_requests_total": counters.requests,
        "vss_ari_replies_total": counters.replies,
        "vss_ari_round_trip_seconds_total": counters.replies_wait_s,
        "vss_ari_requests_rejected_total": counters.requests_rejected,
        "vss_ari_requests_lost_total": counters.requests_lost,
        "vss_ari_connects_total": counters.connects,
        "vss_ari_losses_total": counters.losses,
        "vss_ari_events_total": counters.events,
        "vss_ari_events_unknown_total": counters.events_unknown,
        "vss_ari_events_failed_total": counters.events_failed,
    }
