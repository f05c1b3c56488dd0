#!/usr/bin/env python3
"""Answers pictures with a walkaround package: needs onnxruntime, numpy and pillow, and nothing of walkaround.

    python runner.py PICTURE...          one JSON line for each picture; with --mask also the mask, a PNG in base64
    python runner.py --serve PORT        POST a picture to http://127.0.0.1:PORT/detect, GET /health

The verdicts, boxes and masks are those of walkaround itself for JPEG and PNG pictures. This file may be copied and changed
freely (Apache-2.0).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import math
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

MOST_BYTES = 8 * 1024 * 1024
LEAST_SIDE, MOST_SIDE = 64, 4096
MOST_TILES, MOST_BOXES = 24, 100


class BadPictureError(Exception):
    """The picture cannot be used; the message says why."""


class Model:
    """A package that is ready to answer. Thread-safe."""

    def __init__(self, package: Path) -> None:
        """Load `model.onnx` and `card.json` of the package, and check that they belong together."""
        self.card: dict[str, Any] = json.loads((package / "card.json").read_text(encoding="utf-8"))
        model = (package / "model.onnx").read_bytes()
        if hashlib.sha256(model).hexdigest() != self.card["model_sha256"]:
            sys.exit(f"{package}: model.onnx is not the one that card.json describes; copy the package again.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # several pictures at a time are faster than several threads for one
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._outputs = [output.name for output in self._session.get_outputs() if output.name != "heat"]
        self._damaged = np.array([name not in self.card["normal"] for name in self.card["classes"]])
        self._boxes, self._masks = self.card["boxes"], self.card["masks"]
        told = Path(__file__).resolve().parent / "damage.json"
        self._damage_names = json.loads(told.read_text(encoding="utf-8")) if told.exists() else None
        self._side = max(self._sides())

    def look(self, data: bytes, *, mask: bool = True) -> dict[str, Any]:
        """What is in a JPEG or PNG file, in the form of the old service's DetectAnomalyResult with a few more members.

        Args:
            data: the file.
            mask: whether the answer has `AnomalyMask`, of a model that finds masks.

        Raises:
            BadPictureError: the picture cannot be used.
        """
        image, size = upright(data, self._side)
        tiles = [] if self._boxes is None else tiles_of(*image.size, self._boxes)
        found = dict(zip(self._outputs, self._session.run(self._outputs, self._feeds(image, tiles)), strict=True))
        boxes = None if self._boxes is None else candidates(found, tiles, image.size)
        damage = self._damage(found, boxes)
        anomalous = damage >= self.card["threshold"]
        told: dict[str, Any] = {
            "Source": {"Type": "direct"},
            "IsAnomalous": anomalous,
            "Confidence": min(1.0, damage if anomalous else 1.0 - damage),
            "Label": self._label(found, anomalous),
            "Damage": min(1.0, damage),
        }
        if boxes is not None:
            told["Boxes"] = told_boxes(boxes, self._boxes, size)
        if self._masks is not None:
            labels = label_map(found["masks"][0], self._masks)
            told["Anomalies"] = anomalies(labels, self._masks)
            if mask:
                told["AnomalyMask"] = base64.b64encode(mask_png(labels, self._masks, size)).decode("ascii")
        return told

    def _sides(self) -> list[int]:
        """How many pixels each part needs of a picture's shorter side; tiles need more than the part's own."""
        sides = [] if self.card["task"] == "places" else [self.card["side"]]
        if self._boxes is not None:
            steps = (math.isqrt(MOST_TILES) - 1) * (1 - self._boxes["overlap"]) if self._boxes["overlap"] else 0
            sides += [math.ceil(self._boxes["side"] * (1 + steps))]
        return sides + ([] if self._masks is None else [self._masks["side"]])

    def _feeds(self, image: Image.Image, tiles: list[tuple[int, int, int, int]]) -> dict[str, Any]:
        """What the inputs get; the parts of a model are computed in one go, each on pictures of its own size."""
        feeds = {} if self.card["task"] == "places" else {"pixels": network_pixels(image, self.card["side"])[None]}
        if self._boxes is not None:
            feeds["boxes.pixels"] = np.stack([network_pixels(image.crop(tile), self._boxes["side"]) for tile in tiles])
        if self._masks is not None:
            feeds["masks.pixels"] = network_pixels(image, self._masks["side"])[None]
        return feeds

    def _damage(self, found: dict[str, Any], boxes: Candidates | None) -> float:
        """The probability of damage, or how much what was found speaks for it, of a model without pictures of whole cars."""
        if self.card["task"] == "multi-label":  # each damage type has a probability of its own, and they do not add up to 1
            return 1.0 - float(found["probabilities"][0][~self._damaged].sum())
        if self.card["task"] != "places":
            return float(found["probabilities"][0][self._damaged].sum())
        by_boxes = 0.0 if boxes is None else box_evidence(boxes, self._boxes, self._are_damage(self._boxes))
        masks = self._masks
        return max(by_boxes, 0.0 if masks is None else mask_evidence(found["masks"][0], masks, self._are_damage(masks)))

    def _are_damage(self, part: dict[str, Any]) -> list[bool]:
        """Which of a part's classes mean damage: a wheel does not."""
        return [self._damage_names is None or name in self._damage_names for name in part["classes"]]

    def _label(self, found: dict[str, Any], anomalous: bool) -> str:
        agreeing = np.flatnonzero(self._damaged == anomalous)
        if self.card["task"] == "places":
            return str(self.card["classes"][int(agreeing[0])])
        probabilities = found["probabilities"][0]
        best = int(agreeing[probabilities[agreeing].argmax()]) if len(agreeing) else int(probabilities.argmax())
        return str(self.card["classes"][best])


class Candidates(NamedTuple):
    """Boxes, [k, 4], left top right bottom as fractions of the picture; scores, classes, and whether a tile's edge cut them."""

    boxes: np.ndarray[Any, Any]
    scores: np.ndarray[Any, Any]
    class_ids: np.ndarray[Any, Any]
    cut: np.ndarray[Any, Any]


def tiles_of(width: int, height: int, part: dict[str, Any]) -> list[tuple[int, int, int, int]]:
    """The whole picture and, of one much larger than the network, overlapping squares of it."""
    tiles, side, step = [(0, 0, width, height)], part["side"], 1 - part["overlap"]
    if not part["overlap"] or max(width, height) < 2 * side:
        return tiles

    def count(length: int) -> int:
        return 1 if length <= side else math.ceil((length - side) / (side * step)) + 1

    while count(width) * count(height) > MOST_TILES:
        side = math.ceil(side * 1.05)
    lefts, tops = (np.linspace(0, max(0, all_ - side), count(all_)).round().astype(int).tolist() for all_ in (width, height))
    return tiles + [(left, top, min(left + side, width), min(top + side, height)) for top in tops for left in lefts]


def candidates(found: dict[str, Any], tiles: list[tuple[int, int, int, int]], size: tuple[int, int]) -> Candidates:
    """What the network takes for boxes in the picture, the surest first, whatever their scores."""
    parts = []
    for tile, boxes, scores, class_ids in zip(
        tiles, found["boxes"], found["boxes.scores"], found["boxes.classes"], strict=True
    ):
        kept, scale = scores > 0, np.array([*size, *size])
        boxes = np.clip(boxes[kept], 0, 1)
        inner = np.array([tile[0] > 0, tile[1] > 0, tile[2] < size[0], tile[3] < size[1]])
        at_edge = np.concatenate([boxes[:, :2] < 0.01, boxes[:, 2:] > 0.99], axis=1)
        placed = boxes * np.array([tile[2] - tile[0], tile[3] - tile[1]] * 2) / scale + np.array([*tile[:2], *tile[:2]]) / scale
        parts.append(Candidates(placed.astype(np.float32), scores[kept], class_ids[kept], (at_edge & inner).any(axis=1)))
    return parts[0] if len(parts) == 1 else merged(Candidates(*(np.concatenate(some) for some in zip(*parts, strict=True))))


def merged(found: Candidates) -> Candidates:
    """Each box once: those that are whole come first, and what a tile's edge cut gives way to them."""
    found = Candidates(*(some[np.lexsort((-found.scores, found.cut))] for some in found))
    boxes = found.boxes.astype(np.float64)
    areas = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)
    left, kept = np.ones(len(boxes), bool), []
    for number in range(len(boxes)):
        if left[number]:
            kept.append(number)
            edges = np.minimum(boxes[number, 2:], boxes[:, 2:]) - np.maximum(boxes[number, :2], boxes[:, :2])
            common = np.clip(edges, 0, None).prod(axis=1)
            same = common / np.maximum(areas + areas[number] - common, 1e-12) > 0.5
            inside = common / np.maximum(areas, 1e-12) > 0.6
            left &= ~((same | (found.cut & inside)) & (found.class_ids == found.class_ids[number]))
    order = np.array(kept, np.int64)
    order = order[np.argsort(-found.scores[order], kind="stable")][:MOST_BOXES]
    return Candidates(*(some[order] for some in found))


def told_boxes(found: Candidates, part: dict[str, Any], size: tuple[int, int]) -> list[dict[str, Any]]:
    """The boxes whose score reaches the threshold of their class, the surest first, in pixels of the upright picture."""
    kept = np.flatnonzero(found.scores >= np.clip(part["thresholds"], 1e-6, 1 - 1e-6)[found.class_ids])
    edges = np.clip(found.boxes.astype(np.float64), 0, 1) * [*size, *size]
    return [
        {"Label": part["classes"][found.class_ids[at]], "Score": float(found.scores[at]), "Box": edges[at].round(1).tolist()}
        for at in kept[np.argsort(-found.scores[kept], kind="stable")].tolist()
    ]


def box_evidence(found: Candidates, part: dict[str, Any], damage: list[bool]) -> float:
    """How much boxes speak for damage, 0 to 1; 0.5 where the surest just reaches its threshold."""
    limits = np.clip(part["thresholds"], 1e-6, 1 - 1e-6)[found.class_ids]
    above = np.maximum(0.5 + (found.scores - limits) / (1 - limits) / 2, 0.5)
    sure = np.clip(np.where(found.scores >= limits, above, found.scores / limits / 2), 0, 1)
    return float(sure[np.array(damage)[found.class_ids]].max(initial=0.0))


def least_cells(part: dict[str, Any], cells: int) -> int:
    """Cells of a mask below which a class is taken for noise."""
    return min(cells, max(1, math.ceil(float(part["smallest"]) * cells)))


def mask_evidence(probabilities: np.ndarray[Any, Any], part: dict[str, Any], damage: list[bool]) -> float:
    """How much masks speak for damage, 0 to 1; 0.5 and more where a class of damage is found."""
    rows = probabilities.reshape(len(probabilities), -1)
    best_two = np.partition(rows, -2, axis=0)[-2:]
    cells, evidence = least_cells(part, rows.shape[1]), 0.0
    for number, is_damage in enumerate(damage, start=1):
        if is_damage:
            leads = rows[number] - np.where(rows[number] >= best_two[1], best_two[0], best_two[1])
            evidence = max(evidence, (1 + float(np.partition(leads, -cells)[-cells])) / 2)
    return min(1.0, evidence)


def label_map(probabilities: np.ndarray[Any, Any], part: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """uint8 [rows, columns]: 0 is background, n is the part's class n - 1."""
    labels: np.ndarray[Any, np.dtype[np.uint8]] = probabilities.argmax(axis=0).astype(np.uint8)
    counts = np.bincount(labels.ravel(), minlength=len(part["classes"]) + 1)
    labels[(counts < least_cells(part, labels.size))[labels]] = 0
    return labels


def anomalies(labels: np.ndarray[Any, Any], part: dict[str, Any]) -> list[dict[str, Any]]:
    """`Anomalies` of the old service: the background, then each class that was found, the largest first."""
    shares = np.bincount(labels.ravel(), minlength=len(part["classes"]) + 1) / labels.size
    found = sorted((-share, at) for at, share in enumerate(shares[1:].tolist()) if share > 0)
    rows = [("background", float(shares[0]), "#FFFFFF")]
    rows += [(part["classes"][at], -share, part["colours"][at].upper()) for share, at in found]
    return [{"Name": name, "PixelAnomaly": {"TotalPercentageArea": area, "Color": colour}} for name, area, colour in rows]


def mask_png(labels: np.ndarray[Any, Any], part: dict[str, Any], size: tuple[int, int]) -> bytes:
    """A palette PNG of the picture's size: white, and each class in its colour, with smooth borders."""

    def share(number: int) -> np.ndarray[Any, Any]:
        cells = Image.fromarray((labels == number).astype(np.uint8) * 255)
        return np.asarray(cells.resize(size, Image.Resampling.BILINEAR))

    best, drawn = share(0), np.zeros(size[::-1], np.uint8)
    for number in np.unique(labels[labels > 0]).tolist():
        own = share(number)
        drawn[own > best] = number
        best = np.maximum(best, own)
    image, file = Image.frombytes("P", size, drawn.tobytes()), io.BytesIO()
    image.putpalette(b"".join(bytes.fromhex(colour[1:]) for colour in ("#FFFFFF", *part["colours"])))
    image.save(file, "PNG")
    return file.getvalue()


def upright(data: bytes, side: int) -> tuple[Image.Image, tuple[int, int]]:
    """The picture as RGB, turned as its camera says, and maybe reduced to no less than `side` pixels; and its full size."""
    if not 0 < len(data) <= MOST_BYTES:
        raise BadPictureError(f"The picture has {len(data):,} bytes; send one of 1 to {MOST_BYTES:,} bytes.")
    Image.MAX_IMAGE_PIXELS = MOST_SIDE * MOST_SIDE
    try:
        image = Image.open(io.BytesIO(data), formats=["JPEG", "PNG"])
        if min(image.size) < LEAST_SIDE or max(image.size) > MOST_SIDE:
            raise BadPictureError(
                f"The picture is {image.width:,} x {image.height:,} pixels; send one of {LEAST_SIDE} to {MOST_SIDE:,} a side."
            )
        size, orientation = image.size, image.getexif().get(0x0112, 1)
        image.draft(None, (side, side))
        factor = max(1, min(image.size) // side)
        rgb = as_rgb(image)
    except BadPictureError:
        raise
    except Exception as problem:  # whatever a decoder raises on a damaged file
        raise BadPictureError(f"The picture is no JPEG or PNG that can be read ({problem}).") from problem
    rgb = rgb.reduce(factor) if factor > 1 else rgb
    rgb.getexif()[0x0112] = orientation
    return ImageOps.exif_transpose(rgb), size[::-1] if orientation in (5, 6, 7, 8) else size


def as_rgb(image: Image.Image) -> Image.Image:
    """Transparency is laid over white; 16-bit grey is scaled to 8 bit."""
    image.load()
    if image.mode == "I;16":
        return Image.fromarray(((np.asarray(image, np.uint32) * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def network_pixels(image: Image.Image, side: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """float32 [3, side, side], RGB, 0 to 255; the picture is stretched to a square."""
    if image.size != (side, side):
        method = Image.Resampling.BILINEAR if max(image.size) > side else Image.Resampling.BICUBIC
        image = image.resize((side, side), method)
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1), dtype=np.float32)


class Handler(BaseHTTPRequestHandler):
    """Two addresses: POST /detect and GET /health."""

    model: Model
    timeout = 30

    def do_GET(self) -> None:
        """Say that the model is loaded."""
        if self.path == "/health":
            self._answer(200, {"model": self.model.card["name"]})
        else:
            self._answer(404, {"Message": "There are POST /detect and GET /health."})

    def do_POST(self) -> None:
        """Answer a picture."""
        length = self.headers.get("Content-Length", "")
        if self.path != "/detect" or not length.isdecimal() or int(length) > MOST_BYTES:
            self._answer(400, {"Message": f"POST a picture of at most {MOST_BYTES:,} bytes to /detect."})
            return
        try:
            self._answer(200, self.model.look(self.rfile.read(int(length))))
        except BadPictureError as problem:
            self._answer(400, {"Message": str(problem)})

    def log_message(self, *_: object) -> None:
        """Say nothing for each request."""

    def _answer(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Run from the command line."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Answers pictures with a walkaround package.")
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--package", type=Path, default=here / "package")
    parser.add_argument("--serve", type=int, metavar="PORT")
    parser.add_argument("--mask", action="store_true")
    given = parser.parse_args()
    model = Model(given.package)
    for path in given.pictures:
        try:
            told = model.look(path.read_bytes(), mask=given.mask)
        except (BadPictureError, OSError) as problem:
            told = {"Message": str(problem)}
        sys.stdout.write(json.dumps({"source": str(path), **told}) + "\n")
    if given.serve is not None:
        Handler.model = model
        ThreadingHTTPServer(("127.0.0.1", given.serve), Handler).serve_forever()


if __name__ == "__main__":
    main()
