"""A script as SVG: a box for each node, a line for each way, light or dark as the viewer is (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from ..graph import Edge, graph_of
from ..model import Flow
from ..nodes.entry import Collect, Gather, Menu
from ..nodes.media import Play
from ..nodes.verb import Verb
from ..prompt import Speech, in_locale, sounds
from .layers import layout

BOX_W, BOX_H, GAP_X, GAP_Y, MARGIN = 190, 58, 34, 64, 32
BEND_W = 44
"""What a long way takes in a row that it passes."""
TEXT_MAX = 27
Point = tuple[float, float]
FAMILIES = {
    "media": "heard", "entry": "pressed", "logic": "decided", "control": "moved", "centre": "centre",
    "outside": "outside",
}  # fmt: skip
_STYLE = """
svg{background:#fff;font:12px system-ui,sans-serif}
.box{stroke-width:1.5}.name{font-weight:600;fill:#1b2430}.say{fill:#4b5765;font-size:11px}
.way{fill:none;stroke:#8a96a3;stroke-width:1.4}.back{stroke-dasharray:5 4}.head{fill:#8a96a3}
.label{fill:#4b5765;font-size:10px;paint-order:stroke;stroke:#fff;stroke-width:3px}
.title{font-size:16px;font-weight:600;fill:#1b2430}
.heard{fill:#e3f1fd;stroke:#3b82c4}.pressed{fill:#fff3d6;stroke:#c58a14}.decided{fill:#eef0f3;stroke:#7b8794}
.moved{fill:#e2f6e9;stroke:#2f9e5f}.centre{fill:#f1e8fb;stroke:#8a5cc4}.outside{fill:#fde8e4;stroke:#cf5a43}
.ends{stroke-width:3}
@media(prefers-color-scheme:dark){
svg{background:#12171d}.name,.title{fill:#eaf0f6}.say,.label{fill:#a9b6c3}.label{stroke:#12171d}
.way{stroke:#66727f}.head{fill:#66727f}
.heard{fill:#16324a}.pressed{fill:#43350f}.decided{fill:#29313a}.moved{fill:#143923}.centre{fill:#332447}
.outside{fill:#482019}}
"""


def svg(flow: Flow) -> str:
    """The picture of a script. Handlers of the script for errors and events are left out: they start at every node."""
    graph = graph_of(flow)
    edges = [edge for name in flow.nodes for edge in graph.edges[name] if not edge.once]
    successors = {name: list(dict.fromkeys(edge.target for edge in graph.usual(name))) for name in flow.nodes}
    found = layout(flow.start, successors)
    widths = [sum(BOX_W + GAP_X if name in flow.nodes else BEND_W for name in row) for row in found.rows]
    width = 2 * MARGIN + max(widths) + 40
    height = 2 * MARGIN + 30 + len(found.rows) * (BOX_H + GAP_Y)
    place: dict[str, tuple[float, float]] = {}
    for at, row in enumerate(found.rows):
        x = (width - widths[at]) / 2
        for name in row:
            own = BOX_W + GAP_X if name in flow.nodes else BEND_W
            place[name] = (x + own / 2, MARGIN + 30 + at * (BOX_H + GAP_Y))
            x += own
    title = escape(flow.title or flow.id)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{title}"><style>{_STYLE}</style>'
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M0 0L8 4L0 8z"/></marker></defs>',
        f'<text class="title" x="{MARGIN}" y="{MARGIN}">{title}</text>',
        *_ways(edges, place, found.bends, width),
        *(_box(flow, name, *place[name]) for name in flow.nodes),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _ways(
    edges: list[Edge], place: Mapping[str, Point], bends: Mapping[tuple[str, str], list[str]], width: float
) -> list[str]:
    """One line for all outcomes that lead from a node to the same other, with their names."""
    together: dict[tuple[str, str], list[str]] = {}
    for edge in edges:
        together.setdefault((edge.source, edge.target), []).append(edge.outcome)
    fan: dict[str, list[str]] = {}
    for source, target in together:
        fan.setdefault(source, []).append(target)
    for source, targets in fan.items():
        first = {name: (bends.get((source, name)) or [name])[0] for name in targets}
        targets.sort(key=lambda name, first=first: place[first[name]][0])  # type: ignore[misc]
    return [
        _way(
            [place[source], *(place[bend] for bend in bends.get((source, target), ())), place[target]],
            outcomes,
            _exit(fan[source].index(target), len(fan[source])),
            15 + 11 * (fan[source].index(target) % 3),
            width,
        )
        for (source, target), outcomes in together.items()
    ]


def _exit(at: int, count: int) -> float:
    """How far from the middle of a box its `at`-th way begins."""
    return (at - (count - 1) / 2) * min(34.0, (BOX_W - 30) / max(count - 1, 1))


def _way(points: list[Point], outcomes: list[str], off: float, drop: float, width: float) -> str:
    source, target = points[0], points[-1]
    label = "" if outcomes == ["done"] else escape(_short(", ".join(outcomes), 20))
    x, y = source[0] + off, source[1] + BOX_H
    if target[1] > source[1]:  # down
        at = (x + (points[1][0] - x) * 0.16, y + drop)
        kind, path = "way", f"M{x:g} {y:g}"
        for point in points[1:]:
            bend = (point[1] - y) / 2
            path += f"C{x:g} {y + bend:g} {point[0]:g} {point[1] - bend:g} {point[0]:g} {point[1]:g}"
            x, y = point
            if point is not target:
                y += BOX_H
                path += f"V{y:g}"
    else:  # back up, around the right side
        side = source[0] + BOX_W / 2
        out = min(width - 8, max(side, target[0] + BOX_W / 2) + 26)
        start_y, end_y = source[1] + BOX_H / 2, target[1] + BOX_H / 2
        end_x = target[0] + BOX_W / 2
        path = f"M{side:g} {start_y:g}C{out:g} {start_y:g} {out:g} {end_y:g} {end_x:g} {end_y:g}"
        at = (out - 16, (start_y + end_y) / 2)
        kind = "way back"
    text = f'<text class="label" text-anchor="middle" x="{at[0]:g}" y="{at[1]:g}">{label}</text>' if label else ""
    told = escape(", ".join(outcomes))
    return f'<g><title>{told}</title><path class="{kind}" marker-end="url(#head)" d="{path}"/>{text}</g>'


def _box(flow: Flow, name: str, x: float, y: float) -> str:
    action = flow.nodes[name].action
    family = FAMILIES.get(type(action).__module__.rpartition(".")[2], "decided")
    ends = " ends" if action.ENDS or name == flow.start else ""
    said = escape(_short(_said(flow, action), TEXT_MAX))
    return (
        f"<g><title>{escape(f'{name}: {action.WORD}')} {escape(_said(flow, action))}</title>"
        f'<rect class="box {family}{ends}" x="{x - BOX_W / 2:g}" y="{y:g}" width="{BOX_W}" height="{BOX_H}" rx="9"/>'
        f'<text class="name" text-anchor="middle" x="{x:g}" y="{y + 23:g}">{escape(_short(name, 24))}</text>'
        f'<text class="say" text-anchor="middle" x="{x:g}" y="{y + 42:g}">{said}</text></g>'
    )


def _said(flow: Flow, action: Verb) -> str:
    """What a node does in a few words: the words it says, or its own word."""
    prompt = action.prompt if isinstance(action, Play) else ""
    if isinstance(action, (Menu, Gather, Collect)):
        prompt = action.prompt.at(1)
    found = in_locale(flow.prompts[prompt], flow.locales.default) if prompt in flow.prompts else None
    words = [sound.text.text for sound in (sounds(found) if found is not None else ()) if isinstance(sound, Speech)]
    if words:
        return f"{action.WORD}: {' '.join(words)}"
    for field in ("code", "pool", "flow", "name", "cause", "kind"):
        value = getattr(action, field, None)
        if value is not None:
            return f"{action.WORD}: {value}"
    return action.WORD


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def mermaid(flow: Flow) -> str:
    """The script as a Mermaid flowchart, for pages that draw those."""
    graph = graph_of(flow)
    number = {name: f"n{at}" for at, name in enumerate(flow.nodes)}
    lines = ["flowchart TD"]
    lines += (
        f'  {number[name]}["{_plain(name)}<br/>{_plain(_short(_said(flow, node.action), 60))}"]'
        for name, node in flow.nodes.items()
    )
    together: dict[tuple[str, str], list[str]] = {}
    for name in flow.nodes:
        for edge in graph.usual(name):
            together.setdefault((edge.source, edge.target), []).append(edge.outcome)
    lines += (
        f'  {number[source]} -->|"{_plain(", ".join(outcomes))}"| {number[target]}'
        for (source, target), outcomes in together.items()
    )
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text that Mermaid takes as text."""
    return escape(text).replace("#", "&num;").replace("\n", " ")
