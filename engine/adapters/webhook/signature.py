"""The signature of a webhook: HMAC-SHA256 (RFC 2104) over the time, the request line and the body (pure)."""

from __future__ import annotations

import hashlib
import hmac


def signature(secret: bytes, at: int, method: str, target: str, body: bytes) -> str:
    """The header `X-VSS-Signature`: `t=<epoch seconds>,v1=<hex>`. `target` is path and query as they are sent.

    Who receives it makes the same of what came, compares in constant time, and refuses a time that is old.
    """
    signed = f"{at}.{method}.{target}.".encode() + body
    return f"t={at},v1={hmac.new(secret, signed, hashlib.sha256).hexdigest()}"
