"""Draws a directed graph as a picture: nodes in rows by their distance from the start, arrows between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, cos, pi, sin

from PIL import Image, ImageDraw, ImageFont

SCALE = 2  # drawn twice as large and scaled down: smooth lines
BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 168, 44, 56, 40, 36
LANES, LANE_WIDTH, DASH = 12, 17, 9
PAPER, INK, LINE, FILL, ENDS = "#ffffff", "#1f2933", "#64748b", "#e8f0ec", "#dbe4f0"

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Edge:
    """``conditional`` edges are dashed."""

    source: str
    target: str
    conditional: bool


def draw(nodes: Sequence[str], edges: Sequence[Edge], *, rows: Sequence[Sequence[str]]) -> Image.Image:
    """The picture. ``rows`` places every node; ends (``__start__``, ``__end__``) are tinted."""
    width = 2 * MARGIN + max(len(row) for row in rows) * (BOX_WIDTH + GAP_X) + 2 * LANES * LANE_WIDTH
    height = 2 * MARGIN + len(rows) * (BOX_HEIGHT + GAP_Y) - GAP_Y
    picture = Image.new("RGB", (width * SCALE, height * SCALE), PAPER)
    canvas = ImageDraw.Draw(picture)
    places = _places(rows, width)
    levels = {name: number for number, row in enumerate(rows) for name in row}
    lanes = sorted({edge.target for edge in edges}, key=lambda name: levels[name])
    for edge in edges:
        _arrow(canvas, _path(edge, places, levels, lane=lanes.index(edge.target)), dashed=edge.conditional)
    for name in nodes:
        _box(canvas, places[name], name)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _places(rows: Sequence[Sequence[str]], width: int) -> dict[str, Point]:
    places: dict[str, Point] = {}
    for level, row in enumerate(rows):
        left = (width - len(row) * BOX_WIDTH - (len(row) - 1) * GAP_X) / 2 + BOX_WIDTH / 2
        for column, name in enumerate(row):
            places[name] = (left + column * (BOX_WIDTH + GAP_X), MARGIN + BOX_HEIGHT / 2 + level * (BOX_HEIGHT + GAP_Y))
    return places


def _path(edge: Edge, places: dict[str, Point], levels: dict[str, int], *, lane: int) -> list[Point]:
    """Straight down to the next row; else round the outside, where edges to one target share a lane."""
    (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
    rise = levels[edge.target] - levels[edge.source]
    if rise == 1:
        return [(x1, y1 + BOX_HEIGHT / 2), (x2, y2 - BOX_HEIGHT / 2)]
    side = 1 if rise > 1 else -1
    x = x1 + side * (BOX_WIDTH / 2 + GAP_X * 0.4 + (lane % LANES) * LANE_WIDTH)
    leave, arrive = y1 + BOX_HEIGHT / 4, y2 - BOX_HEIGHT / 4
    return [(x1 + side * BOX_WIDTH / 2, leave), (x, leave), (x, arrive), (x2 + side * BOX_WIDTH / 2, arrive)]


def _arrow(canvas: ImageDraw.ImageDraw, path: Sequence[Point], *, dashed: bool) -> None:
    points = [(x * SCALE, y * SCALE) for x, y in path]
    for (x1, y1), (x2, y2) in pairwise(points):
        length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 1)
        step = DASH * SCALE if dashed else length
        for begin in (number * step for number in range(int(length / step) + 1)):
            end = min(begin + step * (0.6 if dashed else 1), length)
            canvas.line(
                [
                    (x1 + (x2 - x1) * begin / length, y1 + (y2 - y1) * begin / length),
                    (x1 + (x2 - x1) * end / length, y1 + (y2 - y1) * end / length),
                ],
                fill=LINE,
                width=round(1.6 * SCALE),
            )
    (x1, y1), (x2, y2) = points[-2], points[-1]
    angle, size = atan2(y2 - y1, x2 - x1), 9 * SCALE
    wings = [(x2 - size * cos(angle + turn), y2 - size * sin(angle + turn)) for turn in (pi / 7, -pi / 7)]
    canvas.polygon([(x2, y2), *wings], fill=LINE)


def _box(canvas: ImageDraw.ImageDraw, place: Point, name: str) -> None:
    x, y = place[0] * SCALE, place[1] * SCALE
    half_width, half_height = BOX_WIDTH * SCALE / 2, BOX_HEIGHT * SCALE / 2
    end = name.startswith("__")
    canvas.rounded_rectangle(
        [x - half_width, y - half_height, x + half_width, y + half_height],
        radius=half_height if end else 10 * SCALE,
        fill=ENDS if end else FILL,
        outline=INK,
        width=round(1.3 * SCALE),
    )
    canvas.text((x, y), name.strip("_"), fill=INK, font=ImageFont.load_default(16 * SCALE), anchor="mm")
