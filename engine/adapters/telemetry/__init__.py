"""Telemetry: metrics for Prometheus, structured logs, and the event loop's own lag."""

from .logs import configure_logging
from .loop_lag import watch_loop
from .prometheus import PrometheusMetrics

__all__ = ["PrometheusMetrics", "configure_logging", "watch_loop"]
