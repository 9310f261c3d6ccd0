"""The pages for people: the live page at / and the API's description at /docs. Everything comes from this process."""

from __future__ import annotations

import hashlib
from importlib import resources

from aiohttp import web

from .route import Exchange, Handler, Routes

routes = Routes("pages")

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def _file(name: str) -> Handler:
    body = resources.files("engine.http").joinpath("page", name).read_bytes()
    tag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
    content_type = _TYPES[name.rsplit(".", 1)[1]]

    async def serve_file(x: Exchange) -> web.Response:
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if x.request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        charset = None if content_type == "image/svg+xml" else "utf-8"
        return web.Response(body=body, content_type=content_type, charset=charset, headers=headers)

    serve_file.__name__ = "page_" + name.replace(".", "_")
    return serve_file


for _path, _name, _summary in (
    ("/", "live.html", "The live page"),
    ("/page/live.css", "live.css", "Style of the pages"),
    ("/page/live.js", "live.js", "Script of the live page"),
    ("/page/feed.js", "feed.js", "The live stream's client"),
    ("/page/icon.svg", "icon.svg", "Icon"),
    ("/docs", "docs.html", "The API for people"),
    ("/page/docs.js", "docs.js", "Script of the API page"),
):
    _type = _TYPES[_name.rsplit(".", 1)[1]]
    routes.add("GET", _path, summary=_summary, public=True, content_type=_type)(_file(_name))
