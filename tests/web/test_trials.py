"""Trials over REST: pictures and videos in several requests, verdicts with corrections, what is added, and the next version."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from made_models import BOX_PART, MASK_PART, made_package, picture_with
from served import Served, wait_for
from walkaround.datasets.runs import mask_of_runs, packed, runs_of, unpacked
from walkaround.media.videos import Frame, write_video
from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.store.tables import Model, Project

PNG = {"content-type": "image/png"}
SPOT = (64, 48, 128, 96)


def file(*spots: tuple[int, int, int, int]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture_with(*spots)).save(content, "PNG")
    return content.getvalue()


def noise(seed: int, *, side: int = 128) -> bytes:
    """A picture that no other seed gives, and that has no bright place."""
    grid = np.random.default_rng(seed).integers(0, 120, (8, 8, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(np.kron(grid, np.ones((side // 8, side // 8, 1), np.uint8))).save(content, "PNG")
    return content.getvalue()


@pytest.fixture(scope="module")
def models(server: Served, callers: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A project with two versions that nobody hosts: the first sees damage everywhere, the second none."""
    api, name = callers.manage, "tried"
    api.ok("POST", "/projects", json={"name": name})
    api.ok("POST", f"/projects/{name}/datasets", json={"kind": "train"})
    folder = tmp_path_factory.mktemp("made")
    with database_of(Settings(data=server.data)).transaction() as session:
        project = session.scalars(select(Project).filter_by(name=name, account="000000000000")).one()
        project.last_version = 2
        for version, damage in ((1, 0.8), (2, 0.1)):
            made = made_package(folder / str(version), damage=damage, boxes=BOX_PART, masks=MASK_PART)
            package = f"models/{name}-{version}"
            shutil.copytree(made.path, server.data / package)
            output = {"S3Location": {"Bucket": "photos", "Prefix": ""}}
            session.add(Model(project_id=project.id, version=version, status="TRAINED", output=output, package=package))
    return name


def ended(api: Any, path: str) -> Any:
    """A trial that is not running any more."""

    def find() -> Any:
        told = api.ok("GET", path)
        return told if told["status"] != "RUNNING" else None

    return wait_for(find, what=path, seconds=90)


@pytest.fixture
def trial(callers: Any, models: str, request: pytest.FixtureRequest) -> str:
    """The path of a trial of version 1 on three pictures: two alike but for a bright place, and one of noise."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:60]
    path = f"/projects/{models}/trials/{name}"
    contents = {"spot.png": file(SPOT), "plain.png": file(), "noise.png": noise(abs(hash(name)) % 10**6)}
    files = [("files", (one, content, "image/png")) for one, content in contents.items()]
    callers.manage.ok("POST", f"{path}/pictures?model=1", files=files)
    assert ended(callers.manage, path)["predicted"] == 3
    return path


def pictures_of(api: Any, trial: str, **query: Any) -> list[Any]:
    found: list[Any] = api.ok("GET", f"{trial}/pictures", params=query)["pictures"]
    return found


def verify(api: Any, trial: str, *verdicts: dict[str, Any]) -> Any:
    return api.ok("POST", f"{trial}/verdicts", json={"verdicts": list(verdicts)})


def test_pictures_come_in_several_requests(callers: Any, models: str, trial: str) -> None:
    api = callers.manage
    more = [("files", (f"{seed}.png", noise(seed), "image/png")) for seed in (901, 902)]
    told = api.ok("POST", f"{trial}/pictures", files=[*more, ("files", ("bad.png", b"bad", "image/png"))])
    assert ([one["name"] for one in told["kept"]], [one["name"] for one in told["refused"]]) == (
        ["901.png", "902.png"],
        ["bad.png"],
    )
    assert (told["status"], told["total"]) == ("RUNNING", 5)
    assert "event: end" in api.get(f"/api/v1/jobs/{told['job']}/events").text
    done = api.ok("GET", trial)
    assert (done["status"], done["predicted"], done["damaged"]) == ("COMPLETE", 5, 5)
    assert "job" not in done
    status, said = api.problem("POST", f"{trial}/pictures?model=2", content=noise(903), headers=PNG)
    assert (status, "begin another trial" in said) == (409, True)
    assert api.problem("POST", f"{trial}/pictures", content=b"bad", headers=PNG)[0] == 400


def test_a_picture_leads_to_its_thumbnail_heat_and_mask(callers: Any, trial: str) -> None:
    one, plain, _ = pictures_of(callers.read, trial)
    thumbnail = callers.read.get(f"{one['image']}&size=128")
    assert (thumbnail.headers["content-type"], max(Image.open(io.BytesIO(thumbnail.content)).size)) == ("image/jpeg", 128)
    assert callers.read.get(one["image"]).content == file(SPOT)
    heat = Image.open(io.BytesIO(callers.read.get(one["heat"]).content))
    assert (heat.mode, heat.size) == ("RGBA", (256, 192))
    covered = np.asarray(heat.getchannel("A"))
    assert covered[:20, :20].mean() > 50 > covered[100:, 100:].mean()  # the hot corner of the made model
    assert callers.read.get(one["mask"]).headers["content-type"] == "image/png"
    assert [box["label"] for box in one["findings"]["boxes"]] == ["scratch"]
    assert "flat" in plain["quality"]["hints"]
    for path in (one["image"], one["heat"]):
        assert callers.other.get(path).status_code == 404
    assert callers.read.problem("GET", f"{trial}/heat?picture=s3://photos/x.png")[0] == 404
    assert callers.read.problem("GET", f"{trial}/picture?picture=s3://photos/x.png")[0] == 404


def test_a_verdict_with_a_correction_goes_into_the_dataset(callers: Any, models: str, trial: str) -> None:
    api = callers.manage
    spot, plain, _ = pictures_of(api, trial)
    drawn = [{"label": "door_dent", "box": [60, 40, 130, 100]}]
    verify(
        api,
        trial,
        {"picture": spot["picture"], "label": "anomaly", "kinds": ["dent"], "places": drawn},
        {"picture": plain["picture"], "label": "normal"},
    )
    told = pictures_of(api, trial, show="verified")
    assert [(one["correct"], one["kinds"]) for one in told] == [(True, ["dent"]), (False, None)]
    assert told[0]["verified_by"] == told[1]["verified_by"] != ""
    assert told[0]["places"][0]["box"] == [60, 40, 130, 100]
    assert api.ok("GET", trial)["right"] == 1
    before = api.ok("GET", f"/projects/{models}/datasets/train")["total"]
    assert api.ok("GET", f"{trial}/addable") == {"normal": 1, "anomaly": 1, "left_out": [], "uncompared": 0}
    assert api.ok("POST", f"{trial}/add") == {"pictures": 2}
    assert api.ok("GET", f"/projects/{models}/datasets/train")["total"] == before + 2
    entries = api.ok("GET", f"/projects/{models}/datasets/train/entries")["entries"]
    entry = next(one for one in entries if one["picture"] == spot["picture"])
    assert entry["line"]["anomaly-boxes"]["annotations"][0]["left"] == 60
    assert entry["line"]["anomaly-kinds-metadata"]["class-map"] == {"0": "dent"}
    status, said = api.problem("POST", f"{trial}/verdicts", json={"verdicts": [{"picture": spot["picture"], "label": None}]})
    assert (status, "change its label there" in said) == (409, True)


def test_what_was_found_can_be_kept_as_it_is_and_nonsense_is_refused(callers: Any, trial: str) -> None:
    api = callers.manage
    spot = pictures_of(api, trial)[0]
    verify(api, trial, {"picture": spot["picture"], "label": "anomaly", "as_found": True})
    places = pictures_of(api, trial)[0]["places"]
    forms = [(one["label"], one["box"] is None, one["polygons"] is None) for one in places]
    assert forms == [("scratch", False, True), ("scratch", True, False)]
    for wrong, status in (
        ({"label": "anomaly", "places": [{"label": "dent", "box": [0, 0, 999, 9]}]}, 400),
        ({"label": "normal", "kinds": ["dent"]}, 400),
        ({"label": "broken"}, 422),
    ):
        sent = {"verdicts": [{"picture": spot["picture"], **wrong}]}
        assert api.problem("POST", f"{trial}/verdicts", json=sent)[0] == status
    assert callers.read.problem("POST", f"{trial}/verdicts", json={"verdicts": []})[0] in (403, 422)


def test_what_was_found_is_told_as_places_that_can_be_sent_again(callers: Any, trial: str) -> None:
    api = callers.manage
    spot, plain, _ = pictures_of(api, trial)
    told = api.ok("GET", f"{trial}/found", params={"picture": spot["picture"]})["places"]
    assert [one["label"] for one in told] == ["scratch", "scratch"]
    area, box = told
    assert [name for name in ("box", "polygons", "runs") if area[name]] == ["runs"]
    assert [name for name in ("box", "polygons", "runs") if box[name]] == ["box"]
    size = [spot["findings"]["height"], spot["findings"]["width"]]
    assert area["runs"]["size"] == size
    inside = mask_of_runs(unpacked(area["runs"]["counts"], height=size[0], width=size[1]))
    left, top, right, bottom = SPOT
    assert inside[top + 8 : bottom - 8, left + 8 : right - 8].all(), "the bright place is inside"
    assert inside.sum() < 2 * (right - left) * (bottom - top)
    sent = [{name: value for name, value in one.items() if name != "score"} for one in told]
    verify(api, trial, {"picture": spot["picture"], "label": "anomaly", "places": sent})
    assert pictures_of(api, trial)[0]["places"] == sent
    assert api.ok("GET", f"{trial}/found", params={"picture": plain["picture"]})["places"] == []
    assert api.problem("GET", f"{trial}/found", params={"picture": "s3://elsewhere/none.jpg"})[0] == 404


def test_what_was_painted_comes_back_as_it_was_painted(callers: Any, trial: str) -> None:
    api = callers.manage
    spot = pictures_of(api, trial)[0]
    width, height = spot["findings"]["width"], spot["findings"]["height"]
    inside = np.zeros((height, width), dtype=np.bool_)
    inside[10:20, 30:50] = True
    painted = {"label": "rust", "runs": {"size": [height, width], "counts": packed(runs_of(inside))}}
    verify(api, trial, {"picture": spot["picture"], "label": "anomaly", "places": [painted]})
    (told,) = pictures_of(api, trial, show="verified")
    assert told["places"] == [{**painted, "box": None, "polygons": None}]
    verify(api, trial, {"picture": spot["picture"], "label": "anomaly", "places": told["places"]})


def test_the_same_photo_is_not_added_twice(callers: Any, models: str, trial: str) -> None:
    api = callers.manage
    content = io.BytesIO()
    Image.open(io.BytesIO(noise(77, side=256))).save(content, "JPEG", quality=70)
    sent = {"content": noise(77, side=256), "headers": PNG}
    done = api.ok("POST", f"/projects/{models}/datasets/train/pictures?name=old.png&label=normal", **sent)
    assert "event: end" in api.get(f"/api/v1/jobs/{done['job']}/events").text
    api.ok("POST", f"{trial}/pictures?name=again.jpg", content=content.getvalue(), headers={"content-type": "image/jpeg"})
    again = ended(api, trial)
    assert again["total"] == 4
    wait_for(lambda: api.ok("GET", f"{trial}/addable")["uncompared"] == 0, what="the comparison", seconds=60)
    copy = next(one for one in pictures_of(api, trial) if one["name"] == "again.jpg")
    verify(api, trial, {"picture": copy["picture"], "label": "normal"})
    told = api.ok("GET", f"{trial}/addable")
    (repeat,) = told["left_out"]
    assert (told["normal"], repeat["name"], repeat["like_name"], repeat["dataset"], repeat["same"]) == (
        0,
        "again.jpg",
        "old.png",
        "train",
        False,
    )
    assert api.ok("POST", f"{trial}/add") == {"pictures": 0, "left_out": [repeat]}
    assert api.ok("POST", f"{trial}/add?repeats=true") == {"pictures": 1}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of three seconds with three scenes."""
    scenes = [np.asarray(Image.open(io.BytesIO(noise(seed, side=192)))) for seed in (5, 6, 7)]
    frames = (Frame(time=number / 10, pixels=np.ascontiguousarray(scenes[number // 10])) for number in range(30))
    path = tmp_path_factory.mktemp("clip") / "yard.mp4"
    write_video(path, frames, frame_rate=10)
    return path


def test_the_frames_of_a_video_become_pictures(callers: Any, server: Served, models: str, clip: Path) -> None:
    api, path = callers.manage, f"/projects/{models}/trials/filmed"
    content = clip.read_bytes()
    files = [("files", ("yard.mp4", content, "video/mp4")), ("files", ("cut.mp4", content[:600], "video/mp4"))]
    told = api.ok("POST", f"{path}/pictures?frames=5", files=files)
    assert [one["name"] for one in told["videos"]] == ["yard.mp4", "cut.mp4"]
    done = ended(api, path)
    yard, cut = done["videos"]
    assert (yard, done["total"], done["predicted"]) == ({"name": "yard.mp4", "frames": 3}, 3, 3)
    assert "cut.mp4" in cut["problem"]
    frames = pictures_of(api, path)
    assert [one["video"] for one in frames] == ["yard.mp4"] * 3
    assert all(scene <= one["time"] < scene + 1 for scene, one in enumerate(frames))
    assert frames[1]["name"].startswith("yard.mp4 at 0:01.")
    assert list((server.data / "work" / "videos").iterdir()) == []
    verify(api, path, *({"picture": one["picture"], "label": "normal"} for one in frames))
    assert api.ok("POST", f"{path}/add") == {"pictures": 3}


def test_a_video_can_be_the_body(callers: Any, models: str, clip: Path) -> None:
    path = f"/projects/{models}/trials/alone"
    sent = {"content": clip.read_bytes(), "headers": {"content-type": "video/mp4"}}
    callers.manage.ok("POST", f"{path}/pictures?frames=1&name=yard.mp4", **sent)
    assert ended(callers.manage, path)["total"] == 1
    callers.manage.ok("DELETE", path)
    assert callers.manage.problem("GET", path)[0] == 404


def test_another_version_is_tried_on_the_same_pictures(callers: Any, models: str, trial: str) -> None:
    api = callers.manage
    pictures = pictures_of(api, trial)
    verify(api, trial, *({"picture": one["picture"], "label": "normal"} for one in pictures[1:]))
    former = trial.rpartition("/")[2]
    told = api.ok("POST", f"/projects/{models}/trials", json={"name": "next", "model": "2", "same_as": former})
    assert (told["same_as"], told["verified"]) == (former, 2)
    path = f"/projects/{models}/trials/next"
    assert ended(api, path)["right"] == 2
    compared = callers.read.ok("GET", f"{path}/comparison", params={"with": former})
    assert (compared["model"], compared["other_model"], compared["right"], compared["right_before"]) == ("2", "1", 2, 0)
    assert [one["before"]["anomalous"] for one in compared["changed"]] == [True] * len(pictures)
    both = {"name": "no", "bucket": "photos", "same_as": former}
    assert api.problem("POST", f"/projects/{models}/trials", json=both)[0] == 400
    assert api.problem("POST", f"/projects/{models}/trials", json={"name": "no"})[0] == 400


def test_trials_run_beside_each_other(callers: Any, models: str) -> None:
    api = callers.manage
    paths = [f"/projects/{models}/trials/beside-{number}" for number in range(3)]
    for number, path in enumerate(paths):
        api.ok("POST", f"{path}/pictures?model={1 + number % 2}", content=noise(40 + number), headers=PNG)
    assert [ended(api, path)["damaged"] for path in paths] == [1, 0, 1]


def test_a_verdict_tells_nothing_of_pictures_that_are_not_in_the_trial(
    callers: Any, project: str, upload: Any, trial: str, models: str
) -> None:
    """Else the size and the existence of another account's uploads could be asked for by drawing on them."""
    kept = upload(project, 1)["added"][0]["picture"]
    drawn = {"picture": kept, "label": "anomaly", "places": [{"label": "dent", "box": [0, 0, 9_999, 9_999]}]}
    for caller, path in ((callers.other, "/projects/none/trials/none"), (callers.manage, trial)):
        status, said = caller.problem("POST", f"{path}/verdicts", json={"verdicts": [drawn]})
        assert (status, "96" in said.replace(kept, "")) == (404, False), said


def test_an_upload_to_a_trial_that_cannot_be_is_refused_before_it_is_read(
    callers: Any, server: Served, models: str, trial: str
) -> None:
    before = {path.name for path in (server.data / "buckets").rglob("*.png")}
    for path, status in (("/projects/none/trials/new", 404), (f"/projects/{models}/trials/new", 404), (trial, 409)):
        query = "?model=7" if status == 404 else "?model=2"
        assert callers.manage.problem("POST", f"{path}/pictures{query}", content=noise(77), headers=PNG)[0] == status, path
    assert {path.name for path in (server.data / "buckets").rglob("*.png")} == before
