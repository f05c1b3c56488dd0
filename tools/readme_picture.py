"""Draw the picture of the README: made-up cars that a package has never seen, with what it found in them.

    make demo && make picture

Damaged and whole cars stand in turn. The seeds are consecutive and none is picked; a wrong verdict is shown like a right one,
with the truth in the line below it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from walkaround import Detector
from walkaround.damage.kinds import DAMAGE_TYPES
from walkaround.datasets.drawn.car import draw_car
from walkaround.media.drawing import draw_findings

FIRST_SEED = 5_000_000_000
"""Far from the seeds that a demo trains on."""
COLUMNS, ROWS = 4, 3
WIDTH, HEIGHT = 480, 360
CAPTION, GAP = 30, 10
PAPER, INK = (255, 255, 255), (40, 44, 52)


def contact_sheet(detector: Detector) -> Image.Image:
    """Twelve drawn cars with findings and, below each, the truth."""
    tiles = [
        _tile(detector, FIRST_SEED + number, DAMAGE_TYPES[number // 2 % len(DAMAGE_TYPES)] if number % 2 == 0 else None)
        for number in range(COLUMNS * ROWS)
    ]
    width, height = (max(sizes) + GAP for sizes in zip(*(tile.size for tile in tiles), strict=True))
    sheet = Image.new("RGB", (COLUMNS * width - GAP, ROWS * height - GAP), PAPER)
    for number, tile in enumerate(tiles):
        sheet.paste(tile, (number % COLUMNS * width, number // COLUMNS * height))
    return sheet


def _tile(detector: Detector, seed: int, kind: str | None) -> Image.Image:
    car = draw_car(seed, damage=[kind] if kind else [], width=WIDTH, height=HEIGHT)
    findings = detector.inspect(car.pixels, source=str(seed), heat=True)
    drawn = Image.fromarray(draw_findings(car.pixels, findings))
    tile = Image.new("RGB", (drawn.width, drawn.height + CAPTION), PAPER)
    tile.paste(drawn, (0, 0))
    truth = f"drawn with: {kind.replace('_', ' ')}" if kind else "drawn whole"
    place = (drawn.width // 2, drawn.height + CAPTION // 2)
    ImageDraw.Draw(tile).text(place, truth, INK, font=ImageFont.load_default(18), anchor="mm")
    return tile


def main() -> None:
    """Read the demo's package and write the picture."""
    if len(sys.argv) != 3:
        sys.exit("usage: readme_picture.py DEMO_FOLDER PICTURE.jpg")
    demo, target = map(Path, sys.argv[1:])
    target.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(Detector(demo / "package")).save(target, quality=82, optimize=True)


if __name__ == "__main__":
    main()
