"""Questions to other systems over HTTPS: signed, bounded, to checked addresses only (docs/webhooks.md)."""

from .addresses import Hosts
from .client import HttpWebhooks
from .gate import Gate

__all__ = ["Gate", "Hosts", "HttpWebhooks"]
