"""An SVG drawing: shapes and words in named colours that turn with the reader's colour scheme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

COLOURS: Mapping[str, tuple[str, str]] = {
    # on light paper, on dark paper; told apart by colour-blind eyes (after Okabe and Ito)
    "blue": ("#0067b0", "#63b3f0"),
    "orange": ("#c45200", "#f0883e"),
    "green": ("#00805c", "#3fc79a"),
    "purple": ("#a0418c", "#db8fc8"),
    "brown": ("#8a6d00", "#d9b845"),
    "teal": ("#007c91", "#4cc4d8"),
    "grey": ("#6e7781", "#9aa4ae"),
    "red": ("#c62828", "#ff7b72"),
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#59636e", "#a2acb6"),
    "rule": ("#e3e7eb", "#2b323a"),
    "paper": ("#ffffff", "#0f141a"),
}
FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', 'DejaVu Sans', sans-serif"


def _style() -> str:
    light, dark = (
        "".join(f".f-{name}{{fill:{pair[side]}}}.s-{name}{{stroke:{pair[side]}}}" for name, pair in COLOURS.items())
        for side in (0, 1)
    )
    # a stroke's shape is never filled, a filled one never has an edge, unless both classes are there
    plain = (
        f"text{{font-family:{FONT};font-size:12px}}.none{{fill:none}}.bold{{font-weight:600}}.small{{font-size:11px}}"
    )
    return f"{plain}{light}@media (prefers-color-scheme:dark){{{dark}}}"


class Drawing:
    """Coordinates are pixels from the upper left corner; whatever is added later lies on top."""

    def __init__(self, width: float, height: float, title: str, about: str) -> None:
        """`about` says in words what is to be seen, for who does not see it."""
        self.width = width
        self.height = height
        """May still be changed: the paper is cut at the end."""
        self._title = title
        self._about = about
        self._parts: list[str] = []

    def line(
        self,
        points: Sequence[tuple[float, float]],
        colour: str,
        width: float = 1.0,
        dashes: str = "",
        opacity: float = 1,
    ) -> None:
        """A broken line through the points."""
        path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        extra = (f' stroke-dasharray="{dashes}"' if dashes else "") + (
            "" if opacity == 1 else f' opacity="{number(opacity)}"'
        )
        self._parts.append(
            f'<polyline points="{path}" class="none s-{colour}" stroke-width="{number(width)}" '
            f'stroke-linejoin="round" stroke-linecap="round"{extra}/>'
        )

    def marker(self, x: float, y: float, shape: str, colour: str, size: float = 5.0) -> None:
        """A circle, square, diamond, triangle, cross or ring (a hollow circle) around a point."""
        if shape in ("circle", "ring"):
            look = f"f-{colour} s-paper" if shape == "circle" else f"none s-{colour}"
            stroke = 1 if shape == "circle" else 1.8
            place = f'cx="{number(x)}" cy="{number(y)}" r="{number(size)}"'
            self._parts.append(f'<circle {place} class="{look}" stroke-width="{stroke}"/>')
            return
        if shape == "cross":
            arm = size * 0.85
            self.line([(x - arm, y - arm), (x + arm, y + arm)], colour, 2)
            self.line([(x - arm, y + arm), (x + arm, y - arm)], colour, 2)
            return
        corners = {
            "square": [(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)],
            "diamond": [(0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)],
            "triangle": [(0, -1.2), (1.15, 0.9), (-1.15, 0.9)],
        }[shape]
        path = " ".join(f"{number(x + dx * size)},{number(y + dy * size)}" for dx, dy in corners)
        self._parts.append(f'<polygon points="{path}" class="f-{colour} s-paper" stroke-width="1"/>')

    def text(
        self, x: float, y: float, words: str, colour: str = "ink", anchor: str = "start", look: str = "", turn: int = 0
    ) -> None:
        """Words; `anchor` start, middle or end; `look` bold, small or both; `turn` in degrees."""
        turned = f' transform="rotate({turn} {number(x)} {number(y)})"' if turn else ""
        classes = f"f-{colour}" + (f" {look}" if look else "")
        place = f'x="{number(x)}" y="{number(y)}" text-anchor="{anchor}"{turned}'
        self._parts.append(f'<text {place} class="{classes}">{escape(words)}</text>')

    def svg(self) -> str:
        """The whole file."""
        size = f'width="{number(self.width)}" height="{number(self.height)}"'
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(self.width)} {number(self.height)}" '
            f'{size} role="img" aria-label={quoteattr(self._title)}>'
            f"<title>{escape(self._title)}</title><desc>{escape(self._about)}</desc><style>{_style()}</style>"
        )
        return "\n".join([head, f'<rect {size} class="f-paper"/>', *self._parts, "</svg>", ""])


def number(value: float) -> str:
    """Short, and the same on every machine."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
