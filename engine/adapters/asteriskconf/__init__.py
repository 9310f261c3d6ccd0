"""Asterisk's configuration, rendered from the templates in /asterisk and /dialplan."""

from engine.adapters.asteriskconf.escape import UnsafeValue, dialplan_value, ini_value
from engine.adapters.asteriskconf.render import render, render_slots, render_trunks
from engine.adapters.asteriskconf.site import AsteriskSite, SlotAccount, Trunk

__all__ = [
    "AsteriskSite",
    "SlotAccount",
    "Trunk",
    "UnsafeValue",
    "dialplan_value",
    "ini_value",
    "render",
    "render_slots",
    "render_trunks",
]
