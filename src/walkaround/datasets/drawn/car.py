"""One made-up car in one picture, whole or damaged, with the exact truth about its damage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from walkaround.damage.kinds import DAMAGE_TYPES
from walkaround.datasets.drawn.body import Body, Floats
from walkaround.datasets.drawn.camera import COARSE, SUPERSAMPLE, Camera, View, look_at, see_body, spread
from walkaround.datasets.drawn.canvas import Canvas, Material
from walkaround.datasets.drawn.damage import Mask, Site, break_lamp, scratch, shatter, sites
from walkaround.datasets.drawn.metal import Crush, Dent, crush_at, dent_at
from walkaround.datasets.drawn.outlines import LAMP_SHAPES, Look
from walkaround.datasets.drawn.parts import draw_parts
from walkaround.datasets.drawn.scene import Scene, Shades, develop, draw_background, draw_scene, enlarged_band, reflected
from walkaround.datasets.drawn.styles import STYLES

PAINTS = (
    (196, 200, 204),
    (232, 233, 232),
    (38, 40, 44),
    (96, 102, 110),
    (150, 20, 26),
    (24, 58, 120),
    (36, 84, 66),
    (190, 90, 28),
    (120, 134, 148),
    (206, 180, 60),
    (58, 28, 44),
    (90, 130, 168),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnCar:
    """A picture of a made-up car and what is broken in it.

    Attributes:
        pixels: uint8 RGB [h, w, 3].
        kinds: the damage types to be seen, one for every box and mask.
        boxes: float32 [n, 4], xyxy pixels, the tight bounds of the masks.
        masks: bool [n, h, w].
    """

    pixels: NDArray[np.uint8]
    kinds: tuple[str, ...]
    boxes: NDArray[np.float32]
    masks: NDArray[np.bool_]


def draw_car(
    seed: int, *, damage: Sequence[str] = (), width: int = 640, height: int = 480, focus: str | None = None
) -> DrawnCar:
    """Draw one car; the same arguments give the same picture.

    Car, place, light, camera and the camera's faults follow from the seed alone. What the camera looks at follows from the
    first damage, or from `focus`, so whole and damaged cars can be had in the same views.

    Args:
        seed: any whole number from 0.
        damage: names out of `DAMAGE_TYPES`. The camera faces the first; others out of its sight are left out.
        width: pixels.
        height: pixels.
        focus: a whole car is looked at as if it had this damage; by default a kind chosen by the seed.

    Raises:
        ValueError: for an unknown kind of damage.
    """
    unknown = sorted({*damage, *([focus] if focus else [])} - set(DAMAGE_TYPES))
    if unknown:
        raise ValueError(f"Unknown damage {unknown[0]!r}; choose out of: {', '.join(DAMAGE_TYPES)}.")
    streams = [np.random.default_rng([seed, number]) for number in range(5)]
    body, look = _draw_look(streams[0])
    scene = draw_scene(streams[1])
    subject = damage[0] if damage else focus or str(streams[2].choice(DAMAGE_TYPES))
    places = sites(body, look, subject)
    place = places[streams[2].integers(len(places))]
    camera = _aim(body, place, streams[2], width=width, height=height)
    chosen = [place if kind == subject else _best_site(body, look, kind, camera) for kind in damage]
    light, masks = _draw(body, look, scene, camera, chosen, streams[3])
    return _bounded(develop(light, streams[4]), tuple(damage), masks)


def _draw_look(rng: np.random.Generator) -> tuple[Body, Look]:
    style = STYLES[rng.integers(len(STYLES))]
    colour = np.clip(np.array(PAINTS[rng.integers(len(PAINTS))]) + rng.integers(-12, 13) + rng.integers(-4, 5, 3), 8, 242)
    look = Look(
        paint=Material(colour=(int(colour[0]), int(colour[1]), int(colour[2])), gloss=int(rng.integers(60, 120))),
        grille=float(rng.uniform(0.4, 1.0)),
        lamp=float(rng.uniform(0.11, 0.17)),
        lamp_shape=int(rng.integers(len(LAMP_SHAPES))),
        spokes=int(rng.choice([5, 6, 7, 10])),
        trim=bool(rng.random() < (0.7 if style.name in ("suv", "pickup", "van") else 0.15)),
        chrome=bool(rng.random() < 0.35),
    )
    return Body(style), look


def _aim(body: Body, place: Site, rng: np.random.Generator, *, width: int, height: int) -> Camera:
    azimuth = place.azimuth + rng.uniform(-0.5, 0.5)
    roll = rng.normal(0, 0.012)
    if rng.random() < 0.15:
        target = np.array([0.0, 0.0, 0.62])
        position, axes = look_at(
            target, azimuth=azimuth, elevation=rng.uniform(0.03, 0.26), distance=rng.uniform(5.5, 10), roll=roll
        )
        return _framed(body, position, axes, rng, width=width, height=height)
    target = body.on(place.face, np.array([place.at]))[0][0]
    distance, field = rng.uniform(1.8, 3.6), place.extent * rng.uniform(1.25, 2.3)
    position, axes = look_at(target, azimuth=azimuth, elevation=rng.uniform(0.02, 0.35), distance=distance, roll=roll)
    centre = (width * rng.uniform(0.40, 0.60), height * rng.uniform(0.40, 0.60))
    return Camera(position=position, axes=axes, focal=width * distance / field, centre=centre, width=width, height=height)


def _framed(body: Body, position: Floats, axes: Floats, rng: np.random.Generator, *, width: int, height: int) -> Camera:
    """A camera whose focal length and centre fit the whole car into the picture, with a margin by chance."""
    unit = Camera(position=position, axes=axes, focal=1.0, centre=(0.0, 0.0), width=width, height=height)
    ground = body.points.reshape(-1, 3) * [1, 1, 0]
    flat = unit.project(np.concatenate([body.points.reshape(-1, 3), ground]))[0]
    low, high = flat.min(axis=0), flat.max(axis=0)
    focal = rng.uniform(0.74, 0.98) * float(min(width / (high[0] - low[0]), height / (high[1] - low[1])))
    free = np.array([width, height]) - focal * (high - low)
    corner = free * rng.uniform(0.35, 0.65, 2)
    centre = corner - focal * low
    return Camera(
        position=position, axes=axes, focal=focal, centre=(float(centre[0]), float(centre[1])), width=width, height=height
    )


def _best_site(body: Body, look: Look, kind: str, camera: Camera) -> Site:
    """The site of this kind that the camera sees best: facing it, and near the middle of the picture."""

    def merit(site: Site) -> float:
        point, normal = body.on(site.face, np.array([site.at]))
        view = camera.position - point[0]
        pixel = camera.project(point)[0][0] / [camera.width, camera.height] - 0.5
        return float(normal[0] @ view / np.linalg.norm(view) - 2 * max(0.0, float(np.abs(pixel).max()) - 0.45))

    return max(sites(body, look, kind), key=merit)


def _draw(
    body: Body, look: Look, scene: Scene, camera: Camera, damage: Sequence[Site], rng: np.random.Generator
) -> tuple[Shades, list[Mask]]:
    """Linear light [h, w, 3] of the car in its place, and the mask of every damage."""
    hollows: dict[Site, Dent | Crush] = {}
    for site in damage:
        if site.kind == "smash":
            crush = hollows[site] = crush_at(body, site, rng)
            body.deform(crush.shift)
        elif site.kind in ("door_dent", "bumper_dent"):
            dent = hollows[site] = dent_at(body, site, rng)
            body.deform(dent.shift, turn=False)
    canvas = Canvas(camera, body, look.paint)
    view = see_body(camera, body.points, body.normals)
    draw_parts(canvas, look, view)
    on_body = np.asarray(view.outline)[::SUPERSAMPLE, ::SUPERSAMPLE] > 0
    masks = []
    for site in damage:
        if site in hollows:
            mask = hollows[site].show(canvas, view, rng)
        elif site.kind == "scratch":
            mask = scratch(canvas, site, rng)
        elif site.kind == "glass_shatter":
            mask = shatter(canvas, site, rng)
        else:
            mask = break_lamp(canvas, look, site, rng)
        masks.append(_full_size(mask, camera) & on_body)
    return _light(scene, camera, canvas, view), masks


def _full_size(mask: Mask, camera: Camera) -> Mask:
    """A mask of the view's coarse size brought to the picture's; one of that size already stays."""
    if mask.shape == (camera.height, camera.width):
        return mask
    return np.asarray(Image.fromarray(mask).resize((camera.width, camera.height)))


def _light(scene: Scene, camera: Camera, canvas: Canvas, view: View) -> Shades:
    """Light the surface and put it before the background; float32 [h, w, 3]."""
    picture = draw_background(scene, camera, canvas.body.style)
    box = canvas.shown.getbbox()
    if box is None:
        return picture
    step = SUPERSAMPLE * COARSE
    left, top = (edge // step * COARSE for edge in box[:2])
    right, bottom = (-(-edge // SUPERSAMPLE) for edge in box[2:])
    part = (left * SUPERSAMPLE, top * SUPERSAMPLE, right * SUPERSAMPLE, bottom * SUPERSAMPLE)
    alpha, *colours, gloss = (
        np.asarray(band).astype(np.float32) * np.float32(1 / 255)
        for sheet in (canvas.shown, canvas.sheet)
        for band in sheet.crop(part).reduce(SUPERSAMPLE).split()
    )
    coarse = (slice(top // COARSE, -(-bottom // COARSE)), slice(left // COARSE, -(-right // COARSE)))
    light = _lighting(scene, camera, view, coarse)
    size = (light.shape[1] * COARSE, light.shape[0] * COARSE)
    for k, colour in enumerate(colours):  # one band at a time stays in the processor's cache
        lit, mirrored = (enlarged_band(light[..., n], size)[: bottom - top, : right - left] for n in (k, k + 3))
        colour *= colour
        colour *= lit
        colour += mirrored * gloss
        target = picture[top:bottom, left:right, k]
        colour -= target
        colour *= alpha
        target += colour
    return picture


def _lighting(scene: Scene, camera: Camera, view: View, part: tuple[slice, slice]) -> Shades:
    """Light on a part of the view (3 channels) and mirrored by it (3), at coarse size, for gloss and colour of 1."""
    side = np.array([0, np.sign(camera.position[1]), 0.1], dtype=np.float32)
    normals, known = spread(view.normals[part], view.seen[part], steps=2)
    shades = _shaded(scene, np.where(known[..., None], normals, side), camera.rays(COARSE)[part])
    return np.asarray(view.openness[part][..., None] * shades)


def _shaded(scene: Scene, normals: Shades, rays: Shades) -> Shades:
    """Diffuse light, and mirrored surroundings with a glint of the main light: float32 [..., 6] of normals and rays."""
    normals = normals / np.sqrt(np.einsum("...k,...k", normals, normals) + np.float32(1e-9))[..., None]
    facing = np.clip(-np.einsum("...k,...k", normals, rays), 0, 1)[..., None]
    mirror = rays + 2 * facing * normals
    sun = scene.sun.astype(np.float32)
    up = 0.5 + 0.5 * normals[..., 2:]
    ground, horizon = (np.asarray(colour, dtype=np.float32) for colour in (scene.ground, scene.horizon))
    strength = np.float32(scene.light)
    diffuse = 0.425 * ground + (0.85 * horizon - 0.425 * ground) * up
    diffuse += 0.8 * strength * np.clip(normals @ sun, 0, 1)[..., None]
    glint = np.clip(mirror @ sun, 0, 1)[..., None]
    for _ in range(7):
        glint *= glint
    grazing = np.square(np.square(1 - facing))
    return np.concatenate([diffuse, (0.25 + 0.75 * grazing) * reflected(scene, mirror) + 3 * strength * glint], axis=-1)


def _bounded(pixels: NDArray[np.uint8], kinds: tuple[str, ...], masks: Sequence[Mask]) -> DrawnCar:
    """The picture with the damage that can be seen in it, every mask with its tight box."""
    shown = [k for k, mask in enumerate(masks) if mask.any()]
    boxes = np.zeros((len(shown), 4), dtype=np.float32)
    for row, k in enumerate(shown):
        ys, xs = np.nonzero(masks[k].any(axis=1))[0], np.nonzero(masks[k].any(axis=0))[0]
        boxes[row] = xs[0], ys[0], xs[-1] + 1, ys[-1] + 1
    height, width = pixels.shape[:2]
    stack = np.stack([masks[k] for k in shown]) if shown else np.zeros((0, height, width), dtype=bool)
    return DrawnCar(pixels=pixels, kinds=tuple(kinds[k] for k in shown), boxes=boxes, masks=stack)
