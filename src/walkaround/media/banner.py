"""The banner under a drawn picture: verdict, label, confidence, and the time of a frame.

Colours are told apart by every kind of colour vision (Okabe and Ito 2008), and verdicts have words and signs besides.
"""

from __future__ import annotations

from collections import Counter

from PIL import Image, ImageDraw

from walkaround.damage.findings import Findings
from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.media.lettering import SMALLEST_FONT, fitted, percent, printable

_BACKGROUND, _TEXT, _SOFT_TEXT = (22, 25, 29), (255, 255, 255), (190, 196, 204)
_DAMAGED, _ON_DAMAGED = (230, 159, 0), (22, 25, 29)
_WHOLE, _ON_WHOLE = (0, 114, 178), (255, 255, 255)
_SIGN_SCALE = 4  # signs are drawn so much larger and reduced, because Pillow's polygons have hard edges


def banner_of(width: int, height: int, findings: Findings) -> Image.Image:
    """The verdict on its colour and what is known besides, in one line where there is room, else in two or three."""
    size = max(SMALLEST_FONT, round(min(width, height) * 0.045))
    lines = 1 if width >= 26 * size else 2 if width >= 14 * size else 3
    line, pad = round(size * 1.9), round(size * (0.6 if lines < 3 else 0.25))
    banner = Image.new("RGB", (width, line * lines), _BACKGROUND)
    draw = ImageDraw.Draw(banner)
    back, front = (_DAMAGED, _ON_DAMAGED) if findings.anomalous else (_WHOLE, _ON_WHOLE)
    verdict = "Damaged" if findings.anomalous else "No damage found" if lines < 3 else "No damage"
    label = _places(findings) if findings.label in (ANOMALY, NORMAL) else _kinds(findings)
    certainty, clock = percent(findings.confidence) + (" sure" if lines < 3 else ""), _clock(findings.time)

    text, font = fitted(verdict, size, width - 3 * pad - size)
    block = width if lines > 1 else round(3 * pad + size + font.getlength(text))
    draw.rectangle((0, 0, block - 1, line - 1), fill=back)
    banner.paste(front, (pad, (line - size) // 2), _sign(size, findings.anomalous))
    draw.text((2 * pad + size, line / 2), text, font=font, fill=front, anchor="lm")

    left, right, middle = (block if lines == 1 else 0) + pad, width - pad, line * (lines - 0.5)
    for value, colour in ((clock, _SOFT_TEXT), (certainty, _TEXT)):
        if lines == 3 and value is certainty:
            right = left  # on a line shared with the time alone it stands on the left
        text, font = fitted(value, size, width // 2 - pad)
        draw.text((right, middle), text, font=font, fill=colour, anchor="lm" if right == left else "rm")
        right -= round(font.getlength(text)) + pad if value else 0
    room = width - 2 * pad if lines == 3 else right - left
    text, font = fitted(label, size, room)
    draw.text((left, line * 1.5 if lines > 1 else middle), text, font=font, fill=_TEXT, anchor="lm")
    return banner


def _kinds(findings: Findings) -> str:
    """The class, or all the damage types that a multi-label model tells of: "dent, scratch"."""
    return ", ".join(map(printable, findings.kinds)) if findings.kinds else printable(findings.label)


def _places(findings: Findings) -> str:
    """What was found, as words: "2 x scratch, dent"."""
    counts = Counter(box.label for box in findings.boxes or ())
    if not counts and findings.masks is not None:
        counts = Counter(dict.fromkeys(findings.masks.areas, 1))
    return ", ".join((f"{count} x " if count > 1 else "") + printable(name) for name, count in counts.most_common())


def _sign(size: int, anomalous: bool) -> Image.Image:
    """Mask of a warning triangle or a tick, `size` pixels each way."""
    large = size * _SIGN_SCALE
    mask = Image.new("L", (large, large))
    draw = ImageDraw.Draw(mask)
    if anomalous:
        draw.polygon([(large * x, large * y) for x, y in ((0.5, 0.04), (1.0, 0.94), (0.0, 0.94))], fill=255)
        draw.rounded_rectangle([large * v for v in (0.45, 0.34, 0.55, 0.66)], radius=large * 0.05, fill=0)
        draw.ellipse([large * v for v in (0.44, 0.72, 0.56, 0.84)], fill=0)
    else:
        draw.ellipse((0, 0, large - 1, large - 1), fill=255)
        points = [(large * x, large * y) for x, y in ((0.25, 0.52), (0.43, 0.7), (0.76, 0.33))]
        draw.line(points, fill=0, width=round(large * 0.12), joint="curve")
    return mask.resize((size, size), Image.Resampling.LANCZOS)


def _clock(time: float | None) -> str:
    """Minutes and seconds: 63.25 is "1:03.3"."""
    if time is None:
        return ""
    tenths = round(time * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"
