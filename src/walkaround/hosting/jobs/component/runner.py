#!/usr/bin/env python3
"""Answers pictures with a walkaround package: needs onnxruntime, numpy and pillow, and nothing of walkaround.

    python runner.py PICTURE...          one JSON line for each picture
    python runner.py --serve PORT        POST a picture to http://127.0.0.1:PORT/detect, GET /health

The verdicts are those of walkaround itself for JPEG and PNG pictures. This file may be copied and changed freely (Apache-2.0).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

MOST_BYTES = 8 * 1024 * 1024
LEAST_SIDE, MOST_SIDE = 64, 4096


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
        self._damaged = np.array([name not in self.card["normal"] for name in self.card["classes"]])

    def look(self, data: bytes) -> dict[str, Any]:
        """What is in a JPEG or PNG file, in the form of the old service's DetectAnomalyResult with a few more members.

        Raises:
            BadPictureError: the picture cannot be used.
        """
        pixels = network_pixels(upright(data, self.card["side"]), self.card["side"])
        (probabilities,) = self._session.run(["probabilities"], {"pixels": pixels[None]})
        damage = float(probabilities[0][self._damaged].sum())
        anomalous = damage >= self.card["threshold"]
        agreeing = np.flatnonzero(self._damaged == anomalous)
        best = int(agreeing[probabilities[0][agreeing].argmax()]) if len(agreeing) else int(probabilities[0].argmax())
        return {
            "Source": {"Type": "direct"},
            "IsAnomalous": anomalous,
            "Confidence": min(1.0, damage if anomalous else 1.0 - damage),
            "Label": self.card["classes"][best],
            "Damage": min(1.0, damage),
        }


def upright(data: bytes, side: int) -> Image.Image:
    """The picture as RGB, turned as its camera says, and maybe reduced to no less than `side` pixels."""
    if not 0 < len(data) <= MOST_BYTES:
        raise BadPictureError(f"The picture has {len(data):,} bytes; send one of 1 to {MOST_BYTES:,} bytes.")
    Image.MAX_IMAGE_PIXELS = MOST_SIDE * MOST_SIDE
    try:
        image = Image.open(io.BytesIO(data), formats=["JPEG", "PNG"])
        if min(image.size) < LEAST_SIDE or max(image.size) > MOST_SIDE:
            raise BadPictureError(
                f"The picture is {image.width:,} x {image.height:,} pixels; send one of {LEAST_SIDE} to {MOST_SIDE:,} a side."
            )
        orientation = image.getexif().get(0x0112, 1)
        image.draft(None, (side, side))
        factor = max(1, min(image.size) // side)
        rgb = as_rgb(image)
    except BadPictureError:
        raise
    except Exception as problem:  # whatever a decoder raises on a damaged file
        raise BadPictureError(f"The picture is no JPEG or PNG that can be read ({problem}).") from problem
    rgb = rgb.reduce(factor) if factor > 1 else rgb
    rgb.getexif()[0x0112] = orientation
    return ImageOps.exif_transpose(rgb)


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

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
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
    given = parser.parse_args()
    model = Model(given.package)
    for path in given.pictures:
        try:
            told = model.look(path.read_bytes())
        except (BadPictureError, OSError) as problem:
            told = {"Message": str(problem)}
        sys.stdout.write(json.dumps({"source": str(path), **told}) + "\n")
    if given.serve is not None:
        Handler.model = model
        ThreadingHTTPServer(("127.0.0.1", given.serve), Handler).serve_forever()


if __name__ == "__main__":
    main()
