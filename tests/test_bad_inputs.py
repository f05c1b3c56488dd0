"""Whatever is wrong with the input: one sentence that names it, the right exit code, and the good files still done."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from subprocess import CompletedProcess, run

import av
import numpy as np
import pytest
from PIL import Image

from walkaround.media.videos import Frame, write_video
from walkaround.training.recipe import Recipe
from walkaround.training.train import Trained

Command = Callable[..., CompletedProcess[str]]
Make = Callable[[Path], object]


def scene(seed: int = 0, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A blurred made-up picture."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(size)


def cut_jpeg(path: Path) -> None:
    scene().save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:1500])


def bomb(path: Path) -> None:
    """A PNG that says it is 100000 x 100000."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(bytes(1000)), b"IEND"]
    framed = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))


def sound(path: Path) -> None:
    """A second of silence as MP4, without any picture."""
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=16_000, layout="mono")
        quiet = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), dtype=np.float32), format="fltp", layout="mono")
        quiet.sample_rate, quiet.pts, quiet.time_base = 16_000, 0, Fraction(1, 16_000)
        for packet in [*stream.encode(quiet), *stream.encode(None)]:
            file.mux(packet)


def clip(path: Path) -> None:
    frames = [Frame(time=number / 8, pixels=np.asarray(scene(number // 8))) for number in range(24)]
    write_video(path.with_suffix(".mp4"), frames, frame_rate=8.0)
    path.with_suffix(".mp4").rename(path)


def cut_clip(path: Path) -> None:
    clip(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


UNREADABLE: dict[str, tuple[str, Make]] = {
    "empty": ("empty.jpg", Path.touch),
    "cut JPEG": ("cut.jpg", cut_jpeg),
    "text": ("text.jpg", lambda path: path.write_text("this is no picture\n")),
    "animated GIF": ("moving.gif", lambda path: scene().save(path, save_all=True, append_images=[scene(1)])),
    "pages": ("pages.tiff", lambda path: scene().save(path, save_all=True, append_images=[scene(1)])),
    "bomb": ("bomb.png", bomb),
    "space and quotes": ("my \"car\" 'left'.jpg", Path.touch),
    "other scripts": ("Größe 車 🚗.jpg", cut_jpeg),
    "markup": ("[red]a:car:b[bold].jpg", Path.touch),
    "new line": ("two\nlines.jpg", cut_jpeg),
    "terminal codes": ("\x1b[31mred\x07.jpg", cut_jpeg),
    "no UTF-8": ("caf\udce9.jpg", cut_jpeg),
}
PLAYED = {
    "sound alone": ("sound.mp4", sound),
    "missing": ("missing.jpg", lambda path: None),
}
READABLE: dict[str, tuple[str, Make]] = {
    "one pixel": ("one.png", lambda path: scene(size=(1, 1)).save(path)),
    "animated WebP": ("moving.webp", lambda path: scene().save(path, save_all=True, append_images=[scene(1)])),
    "animated PNG": ("moving.png", lambda path: scene().save(path, save_all=True, append_images=[scene(1)])),
    "wrong ending": ("really.png", lambda path: scene().save(path, "JPEG")),
}


def assert_told_once(ran: CompletedProcess[str], path: Path) -> None:
    """Exactly one line of what was told names the file, as it can safely be shown; and it is a sentence."""
    name = repr(path.name)[1:-1].replace("\\\\", "\\")
    named = [line for line in ran.stderr.splitlines() if name in line or name.replace("\\'", "'") in line]
    assert len(named) == 1, ran.stderr
    assert named[0].endswith(".")
    assert "Traceback" not in ran.stderr
    assert not any(letter in ran.stderr for letter in "\x1b\x07")


@pytest.fixture
def cars(tmp_path: Path) -> Path:
    """A folder with six different pictures of two classes."""
    for number in range(12):
        folder = tmp_path / "cars" / ("normal" if number % 2 else "anomaly")
        folder.mkdir(parents=True, exist_ok=True)
        scene(number).save(folder / f"{number}.jpg")
    return tmp_path / "cars"


@pytest.mark.parametrize(("name", "make"), [*UNREADABLE.values(), *PLAYED.values()], ids=[*UNREADABLE, *PLAYED])
def test_detect_names_it_and_goes_on(command: Command, trained: Trained, tmp_path: Path, name: str, make: Make) -> None:
    make(tmp_path / name)
    scene().save(tmp_path / "good.jpg")
    ran = command("detect", trained.package.path, tmp_path / name, tmp_path / "good.jpg")
    refused, good = map(json.loads, ran.stdout.splitlines())
    assert ran.returncode == 3
    assert (refused["source"], refused["anomalous"], refused["label"]) == (str(tmp_path / name), None, None)
    assert (good["source"], good["anomalous"]) == (str(tmp_path / "good.jpg"), good["label"] == "anomaly")
    assert_told_once(ran, tmp_path / name)


@pytest.mark.parametrize("how", [[], ["--rate", "4"]])
def test_detect_says_that_a_video_is_cut_and_uses_what_is_there(
    command: Command, trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture, how: list[str]
) -> None:
    cut_clip(tmp_path / "cut.mp4")
    ran = command("detect", trained.package.path, tmp_path / "cut.mp4", *how, "--json", "-", "--draw", tmp_path / "drawn")
    *answers, whole = map(json.loads, ran.stdout.splitlines())
    assert (ran.returncode, whole["source"]) == (3, str(tmp_path / "cut.mp4"))
    assert answers
    assert all(answer["time"] < 1.5 for answer in answers)
    assert re.match(
        rf"'{tmp_path}/cut\.mp4' is incomplete: it says that it lasts 3\.0 seconds, but only .* can be read;.*\.",
        whole["error"],
    )
    assert f"used in part {whole['error']}" in ran.stderr
    assert (ran.stderr.count("is incomplete"), caplog.text) == (1, "")


def test_in_a_watched_folder_they_are_dead_letters_and_the_rest_is_looked_at(
    command: Command, trained: Trained, drawn: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "incoming"
    folder.mkdir()
    for name, make in [*UNREADABLE.values(), PLAYED["sound alone"], ("cut.mp4", cut_clip), *READABLE.values()]:
        make(folder / name)
    shutil.copyfile(next((drawn / "test" / "anomaly").iterdir()), folder / "good.jpg")
    for path in folder.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    words = ("watch", folder, "--model", trained.package.path, "--once", "--poll", 0.3, "--data", tmp_path / "data")
    ran = command(*words)
    assert ran.returncode == 3, ran.stderr
    letters = [line for line in ran.stderr.splitlines() if line.startswith("dead letter")]
    for name in ("cut.jpg", "text.jpg", "moving.gif", "pages.tiff", "bomb.png", "Größe 車 🚗.jpg", "sound.mp4"):
        assert sum(name in line for line in letters) == 1, (name, letters)
    assert f"Looked at {len(READABLE) + 2}" in ran.stderr  # with the good one, and the video that is cut


@pytest.mark.parametrize(("name", "make"), READABLE.values(), ids=READABLE)
def test_detect_reads_what_is_only_odd(command: Command, trained: Trained, tmp_path: Path, name: str, make: Make) -> None:
    make(tmp_path / name)
    ran = command("detect", trained.package.path, tmp_path / name)
    (line,) = map(json.loads, ran.stdout.splitlines())
    assert (ran.returncode, line["source"]) == (0, str(tmp_path / name))
    assert line["label"] in ("normal", "anomaly")


@pytest.mark.parametrize(("name", "make"), UNREADABLE.values(), ids=UNREADABLE)
def test_check_names_it(command: Command, cars: Path, name: str, make: Make) -> None:
    make(cars / "normal" / name)
    ran = command("check", cars, "--no-labels", "--json", "-")
    report = json.loads(ran.stdout)
    assert report["counts"] == {"anomaly": 6, "normal": 6}
    assert [str(cars / "normal" / name)] in [problem["files"] for problem in report["problems"]]
    assert_told_once(ran, cars / "normal" / name)


@pytest.mark.parametrize(("name", "make"), list(READABLE.values())[:3], ids=list(READABLE)[:3])
def test_check_remarks_on_what_is_odd(command: Command, cars: Path, name: str, make: Make) -> None:
    make(cars / "normal" / name)
    ran = command("check", cars, "--no-labels")
    remarks = [line for line in ran.stderr.splitlines() if name in line]
    assert remarks
    assert any("too small to show damage" in line or "only the first is used" in line for line in remarks)


def test_train_names_all_of_them_and_uses_the_others(command: Command, cars: Path, recipe: Recipe, tmp_path: Path) -> None:
    for name, make in UNREADABLE.values():
        make(cars / "normal" / name)
    ran = command("train", cars, "--out", tmp_path / "out", "--cache", recipe.cache, "--minutes", "0")
    assert ran.returncode == 3, ran.stderr
    for name, _ in UNREADABLE.values():
        assert_told_once(ran, cars / "normal" / name)
    assert json.loads((tmp_path / "out" / "card.json").read_text())["data"]["pictures"] == 12


def test_names_that_are_no_utf8(command: Command, cars: Path, recipe: Recipe, tmp_path: Path) -> None:
    """A package may have such a name; a class may not, and that is said."""
    for path in sorted((cars / "anomaly").iterdir())[:1]:
        (cars / "caf\udce9").mkdir()
        shutil.copy(path, cars / "caf\udce9" / "extra.jpg")
    out = tmp_path / "out\udce9"
    ran = command("train", cars, "--out", out, "--cache", recipe.cache, "--minutes", "0")
    assert ran.returncode == 3
    assert "the label 'caf\\udce9' cannot be a class name" in ran.stderr
    found = command("detect", out, cars / "normal")
    assert (found.returncode, len(found.stdout.splitlines())) == (0, 6)


def one_class(cars: Path) -> Path:
    shutil.rmtree(cars / "normal")
    return cars


def a_refused_name(cars: Path) -> Path:
    (cars / "anomaly").rename(cars / "caf\udce9")
    return cars


def three_pictures(cars: Path) -> Path:
    for path in [*sorted((cars / "normal").iterdir())[1:], *sorted((cars / "anomaly").iterdir())[2:]]:
        path.unlink()
    return cars


def nothing(cars: Path) -> Path:
    return cars / "missing"


def empty_folder(cars: Path) -> Path:
    (cars / "hollow").mkdir()
    return cars / "hollow"


def no_manifest(cars: Path) -> Path:
    (cars / "broken.manifest").write_text("{not json\n" * 3)
    return cars / "broken.manifest"


def a_picture(cars: Path) -> Path:
    return cars / "normal" / "1.jpg"


UNUSABLE = [one_class, a_refused_name, three_pictures, nothing, empty_folder, no_manifest, a_picture]


@pytest.mark.parametrize("spoil", UNUSABLE, ids=lambda spoil: spoil.__name__)
def test_train_refuses_what_it_cannot_learn_from(
    command: Command, cars: Path, tmp_path: Path, spoil: Callable[[Path], Path]
) -> None:
    ran = command("train", spoil(cars), "--out", tmp_path / "out", "--cache", tmp_path / "cache")
    last = ran.stderr.splitlines()[-1]
    assert (ran.returncode, ran.stdout, "Traceback" in ran.stderr) == (1, "", False)
    assert last.startswith("walkaround: ")
    assert last.endswith(".")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("spoil", UNUSABLE, ids=lambda spoil: spoil.__name__)
def test_check_calls_it_unusable_too(command: Command, cars: Path, spoil: Callable[[Path], Path]) -> None:
    ran = command("check", spoil(cars), "--no-labels")
    assert ran.returncode == (3 if spoil in (one_class, a_refused_name, three_pictures) else 1)
    assert "Traceback" not in ran.stderr


def test_broken_lines_of_a_manifest_are_named_and_the_others_used(command: Command, cars: Path) -> None:
    good = [json.dumps({"image": str(path.relative_to(cars)), "label": path.parent.name}) for path in cars.rglob("*.jpg")]
    (cars / "all.jsonl").write_text("\n".join([*good[:5], '{"image": "normal/1.jp', *good[5:], '{"label": "x"}']))
    ran = command("check", cars / "all.jsonl", "--no-labels", "--json", "-")
    assert json.loads(ran.stdout)["counts"] == {"anomaly": 6, "normal": 6}
    assert "line 6" in ran.stderr
    assert "line 14" in ran.stderr


@pytest.mark.parametrize("fault", ["model.onnx", "card.json", "altered", "none"])
def test_a_damaged_package_is_refused(command: Command, trained: Trained, cars: Path, tmp_path: Path, fault: str) -> None:
    package = tmp_path / "package"
    if fault != "none":
        shutil.copytree(trained.package.path, package)
        (package / ("card.json" if fault == "altered" else fault)).unlink()
    if fault == "altered":
        (package / "card.json").write_text((trained.package.path / "card.json").read_text().replace("anomaly", "paradise"))
    for arguments in (["detect", package, cars], ["evaluate", package, cars]):
        ran = command(*arguments)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert len(ran.stderr.splitlines()) == 1
        assert repr(str(package)) in ran.stderr


def test_evaluate_leaves_out_what_cannot_be_read(command: Command, trained: Trained, cars: Path) -> None:
    cut_jpeg(cars / "normal" / "cut.jpg")
    ran = command("evaluate", trained.package.path, cars, "--json", "-")
    scores = json.loads(ran.stdout)
    assert (ran.returncode, scores["n"]) == (3, 12)
    assert [entry["image"] for entry in scores["unreadable"]] == [str(cars / "normal" / "cut.jpg")]
    assert_told_once(ran, cars / "normal" / "cut.jpg")


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_a_full_disk_ends_detect_in_one_sentence(command: Command, trained: Trained, cars: Path, option: str) -> None:
    ran = command("detect", trained.package.path, cars, option, "/dev/full")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.splitlines()[-1].startswith("walkaround: Cannot write '/dev/full': the disk is full; free some space")
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize("name", ["check", "evaluate"])
def test_a_full_disk_ends_a_report_in_one_sentence(command: Command, trained: Trained, cars: Path, name: str) -> None:
    arguments = [cars, "--no-labels"] if name == "check" else [trained.package.path, cars]
    ran = command(name, *arguments, "--json", "/dev/full")
    assert ran.returncode == 1
    assert "walkaround: Cannot write '/dev/full': the disk is full; free some space" in ran.stderr
    assert Path("/dev/full").is_char_device()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    (tmp_path / "disk").mkdir()
    if run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", tmp_path / "disk"], capture_output=True, check=False
    ).returncode:
        pytest.skip("disks can be mounted by root alone")
    yield tmp_path / "disk"
    run(["umount", tmp_path / "disk"], check=True)


@pytest.mark.parametrize("full", ["--out", "--cache"])
def test_a_full_disk_ends_training_in_one_sentence(
    command: Command, cars: Path, recipe: Recipe, tiny_disk: Path, tmp_path: Path, full: str
) -> None:
    places = {"--out": tmp_path / "out", "--cache": recipe.cache, full: tiny_disk / "here"}
    ran = command("train", cars, *(part for pair in places.items() for part in pair))
    assert (ran.returncode, "Traceback" in ran.stderr) == (1, False), ran.stderr
    assert "ree some space" in ran.stderr.splitlines()[-1]
    assert not places["--out"].exists()
    assert full == "--cache" or not list(tiny_disk.iterdir())


@pytest.mark.parametrize("command_line", ["train", "detect", "check"])
def test_a_place_below_a_file_is_refused(
    command: Command, trained: Trained, cars: Path, tmp_path: Path, command_line: str
) -> None:
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "below" / "out"
    arguments = {
        "train": [cars, "--out", target, "--cache", tmp_path / "cache"],
        "detect": [trained.package.path, cars, "--draw", target],
        "check": [cars, "--no-labels", "--json", target],
    }[command_line]
    ran = command(command_line, *arguments)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "a part of the path is a file, not a folder; choose another path." in ran.stderr.splitlines()[-1]
