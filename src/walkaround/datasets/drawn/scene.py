"""Where made-up cars stand: light, sky, surroundings and ground, and the faults of the camera that takes the picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter

from walkaround.datasets.drawn.body import Floats
from walkaround.datasets.drawn.camera import Camera
from walkaround.datasets.drawn.styles import BodyStyle

Colour = tuple[float, float, float]
Shades = NDArray[np.float32]
_TILE = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A place and its light. Colours are linear light, 1 is white paper in full light.

    Attributes:
        indoors: a workshop with ceiling lights instead of a sky.
        trees: outdoors, trees instead of buildings in the background.
        zenith, horizon, ground, wall: colours of the surroundings.
        sun: unit direction towards the main light.
        light: strength of the main light.
        haze: how blurred the main shadow is, metres.
        skyline: height of the surroundings over all directions, tangent of the angle, [256].
        noise: float32 [256, 256], smooth, tileable, 0 mean and about 1 standard deviation.
        stripes: metres between painted lines on the ground; 0 for none.
    """

    indoors: bool
    trees: bool
    zenith: Colour
    horizon: Colour
    ground: Colour
    wall: Colour
    sun: Floats
    light: float
    haze: float
    skyline: Shades
    noise: Shades
    stripes: float


@lru_cache(maxsize=1)
def _tileable_noise() -> Shades:
    rng = np.random.default_rng(0)
    layers = [gaussian_filter(rng.standard_normal((_TILE, _TILE)), sigma, mode="wrap") * sigma for sigma in (1.0, 3.0, 9.0)]
    noise = layers[0] + 1.3 * layers[1] + 1.6 * layers[2]
    return np.asarray(noise / noise.std(), dtype=np.float32)


def draw_scene(rng: np.random.Generator) -> Scene:
    """A place by chance: a workshop, or a forecourt under a clear, cloudy or evening sky."""
    indoors = bool(rng.random() < 0.3)
    noise = np.roll(_tileable_noise(), rng.integers(_TILE, size=2), axis=(0, 1))
    trees = bool(rng.random() < 0.6)
    blocks = np.repeat(rng.uniform(0.06, 0.24, 16), 16)
    skyline = (rng.uniform(0.07, 0.15) + 0.035 * noise[7] + 0.012 * noise[90]).clip(0.02) if trees else blocks
    around, high = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.2)
    sun = np.array([np.cos(around) * np.cos(high), np.sin(around) * np.cos(high), np.sin(high)])
    warm = rng.uniform(-0.06, 0.06)
    grey = rng.uniform(0.10, 0.26)
    if indoors:
        tone = rng.uniform(0.5, 0.9)
        skies: tuple[Colour, Colour] = ((0.16, 0.17, 0.18), (0.34 * tone, 0.35 * tone, 0.36 * tone))
        wall = tuple(np.clip(np.array([0.42, 0.44, 0.46]) * tone + rng.uniform(-0.05, 0.05, 3), 0, 1))
    else:
        blue = rng.uniform(0.0, 1.0)
        skies = ((0.45 - 0.27 * blue, 0.50 - 0.14 * blue, 0.58 + 0.08 * blue), (0.80 + warm, 0.83, 0.86 - warm))
        stone = np.array([[0.34, 0.30, 0.26], [0.27, 0.28, 0.30], [0.42, 0.38, 0.31]])[rng.integers(3)]
        wall = tuple((np.array([0.10, 0.15, 0.06]) if trees else stone) * rng.uniform(0.7, 1.4))
    return Scene(
        indoors=indoors,
        trees=trees,
        zenith=skies[0],
        horizon=skies[1],
        ground=(grey * (1 + warm), grey, grey * (1 - warm)),
        wall=(float(wall[0]), float(wall[1]), float(wall[2])),
        sun=sun,
        light=float(rng.uniform(0.5, 1.4)) * (0.5 if indoors else 1.0),
        haze=float(rng.uniform(0.12, 0.45)),
        skyline=skyline.astype(np.float32),
        noise=noise,
        stripes=float(rng.choice([0.0, 0.0, 2.6, 3.4])),
    )


def _mix(first: Colour | Shades, second: Colour | Shades, share: Shades) -> Shades:
    a, b = np.asarray(first, dtype=np.float32), np.asarray(second, dtype=np.float32)
    return np.asarray(a + (b - a) * share[..., None], dtype=np.float32)


def reflected(scene: Scene, direction: Shades) -> Shades:
    """Light that arrives from `direction` [..., 3]: what polished paint mirrors; float32 [..., 3]."""
    up = direction[..., 2]
    around = np.arctan2(direction[..., 1], direction[..., 0])
    line = _skyline(scene, around)
    sky = _mix(scene.horizon, scene.zenith, np.sqrt(np.clip(up, 0, 1)))
    if scene.indoors:
        lamps = np.clip(4 * np.cos(around * 2 + 1) * np.cos(up * 18) - 1.2, 0, 1) * (up > 0.25)
        sky = sky + lamps[..., None] * np.float32(1.3)
    below = _mix(np.multiply(scene.wall, 0.5).astype(np.float32), scene.ground, np.clip(-4 * up, 0, 1))
    return _mix(below, sky, np.clip((up - line) * 14 + 0.5, 0, 1))


def _skyline(scene: Scene, around: Shades) -> Shades:
    """Height of the surroundings in the directions `around`, radians; interpolated."""
    place = around * np.float32(128 / np.pi) + np.float32(256)
    whole = np.floor(place)
    index, share = whole.astype(np.intp), place - whole
    return np.asarray(scene.skyline[index & 255] * (1 - share) + scene.skyline[(index + 1) & 255] * share)


def _ground(scene: Scene, position: Floats, rays: Shades, style: BodyStyle) -> Shades:
    """The ground where the rays meet z = 0, with the soft shadow of a car of this style."""
    stand = position.astype(np.float32)
    reach = -stand[2] / np.minimum(rays[..., 2], np.float32(-1e-3))
    x, y = stand[0] + reach * rays[..., 0], stand[1] + reach * rays[..., 1]
    fade = 1 / (1 + np.square(reach / 9))
    fine, coarse = (scene.noise[(x * scale).astype(np.intp) & 255, (y * scale).astype(np.intp) & 255] for scale in (60, 5))
    shade = 1 + 0.10 * fine * fade + 0.09 * coarse
    colour = np.asarray(scene.ground, dtype=np.float32) * shade[..., None] * (0.75 + 0.5 * scene.light)
    if scene.stripes:
        edge = np.abs((x + 0.3 * scene.stripes) % scene.stripes - scene.stripes / 2) - 0.05
        paint = np.clip(-edge * 60 + 0.5, 0, 1) * (np.abs(y) < 2.9) * np.clip(0.75 + 0.2 * coarse, 0.2, 0.9) * np.sqrt(fade)
        colour = _mix(colour, (0.75, 0.75, 0.70), paint.astype(np.float32))
    colour = _mix(
        colour, np.multiply(scene.horizon, 0.6 if scene.indoors else 0.8), (np.clip(reach / 60, 0, 1) * 0.7).astype(np.float32)
    )
    throw = (0.35 * scene.sun / scene.sun[2]).astype(np.float32)
    dim = 0.60 * _under(x, y, style, 0.10) + 0.42 * scene.light * _under(x + throw[0], y + throw[1], style, scene.haze)
    return np.asarray(colour * (1 - np.clip(dim, 0, 0.9))[..., None], dtype=np.float32)


def _under(x: Floats, y: Floats, style: BodyStyle, softness: float) -> Floats:
    """1 under the car's rounded footprint, falling to 0 outside over about `softness` metres."""
    outside = np.hypot(
        np.clip(np.abs(x) - style.length / 2 + 0.55, 0, None),
        np.clip(np.abs(y) - style.width / 2 + 0.40, 0, None),
    )
    return np.asarray(1 / (1 + np.exp(np.clip((outside - 0.38) / (0.35 * softness), -30, 30))))


def draw_background(scene: Scene, camera: Camera, style: BodyStyle) -> Shades:
    """The picture without the car, linear light, float32 [height, width, 3]; the far part is out of focus."""
    rays = camera.rays(2)
    far = enlarged(_surroundings(scene, camera.rays(8)), rays.shape[1], rays.shape[0])
    horizon = np.clip(rays[..., 2] * 60 + 0.8, 0, 1)[..., None]
    near = _ground(scene, camera.position, rays, style)
    return enlarged(near + (far - near) * horizon, camera.width, camera.height)


def _surroundings(scene: Scene, rays: Shades) -> Shades:
    """What stands or floats behind the ground, where the rays point."""
    up: Shades = rays[..., 2] / np.sqrt(rays[..., 0] ** 2 + rays[..., 1] ** 2)
    around: Shades = np.arctan2(rays[..., 1], rays[..., 0])
    column, row = (around * (512 / np.pi)).astype(int) & 255, (up * 160).astype(int)
    sky = _mix(scene.horizon, scene.zenith, np.clip(up * 1.6, 0, 1))
    if scene.indoors:
        texture = _panels(scene, around, up)
    else:
        texture = 1 + np.float32(0.22) * scene.noise[row & 255, column] if scene.trees else _windows(around, up)
        cloud = scene.noise[(row * 2) & 255, (around * (256 / np.pi)).astype(int) & 255]
        sky = _mix(sky, (0.92, 0.92, 0.93), np.clip(0.5 * cloud + 0.2, 0, 0.8))
    wall = np.asarray(scene.wall, dtype=np.float32) * texture[..., None]
    line = _skyline(scene, around) * 1.6 + (0.6 if scene.indoors else 0.0)
    return _mix(wall, sky, np.clip((up - line) * 40 + 0.5, 0, 1))


def _windows(around: Shades, up: Shades) -> Shades:
    """A facade: rows of darker windows."""
    return np.asarray(1 - 0.45 * ((np.sin(around * 130) > -0.2) & (np.sin(up * 170) > 0.1)), dtype=np.float32)


def _panels(scene: Scene, around: Shades, up: Shades) -> Shades:
    """A workshop wall: cladding, a coloured band at hip height, and brighter doors."""
    cladding = 1 + 0.05 * np.sign(np.sin(around * 160))
    band = 0.55 * ((up < 0.10) & (up > 0.0))
    doors = 0.9 * (np.sin(around * 5 + scene.light * 9) > 0.55) * (up < 0.34)
    return np.asarray(cladding - band + doors, dtype=np.float32)


def enlarged(picture: Shades, width: int, height: int) -> Shades:
    """float32 [h, w, n] brought to another size; bilinear."""
    return np.stack([enlarged_band(picture[..., k], (width, height)) for k in range(picture.shape[2])], axis=-1)


def enlarged_band(band: Shades, size: tuple[int, int]) -> Shades:
    """float32 [h, w] brought to another size (width, height); bilinear."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(band)).resize(size, Image.Resampling.BILINEAR))


def develop(light: Shades, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What a phone makes of linear light [h, w, 3]: exposure, white balance, noise and a little blur; uint8 RGB."""
    exposure = rng.uniform(1.0, 1.5) * np.array([rng.uniform(0.96, 1.04), 1.0, rng.uniform(0.96, 1.04)])
    tone = light * exposure.astype(np.float32)
    tone /= 1 + np.float32(0.18) * tone
    np.sqrt(tone, out=tone)
    tone *= 255
    grain = rng.standard_normal(light.shape[1] * 64, dtype=np.float32) * np.float32(rng.uniform(0.8, 2.2))
    starts = rng.integers(0, light.shape[1] * 63, light.shape[0])
    for row, start in zip(tone, starts, strict=True):
        row += grain[start : start + light.shape[1], None]
    np.clip(tone, 0, 255, out=tone)
    picture = Image.fromarray(tone.astype(np.uint8))
    side = rng.uniform(0.03, 0.22)
    blur = ImageFilter.Kernel((3, 3), [a * b for a in (side, 1, side) for b in (side, 1, side)])
    return np.asarray(picture.filter(blur))
