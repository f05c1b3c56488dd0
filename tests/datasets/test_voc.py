"""Pascal VOC: boxes, splits, masks, and the two ways of counting pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from walkaround.damage.places import Box, MaskFile, Place
from walkaround.datasets.reading import read_dataset

Save = Callable[..., Path]
OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>{}</object>"


def write(path: Path, *objects: str, source: str = "", size: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation><filename>{path.stem}.jpg</filename>{source}{size}{''.join(objects)}</annotation>")


@pytest.mark.parametrize(
    ("source", "box"),
    [
        ("", (1, 2, 10, 9)),
        ("<source><database>Unknown</database></source>", (1, 2, 10, 9)),
        ("<source><database>The VOC2007 Database</database></source>", (0, 1, 10, 9)),
    ],
)
def test_positions_count_from_0_but_in_the_devkit(tmp_path: Path, save_photo: Save, source: str, box: Box) -> None:
    save_photo(tmp_path / "JPEGImages" / "a.jpg")
    size = "<size><width>40</width><height>30</height></size>"
    write(tmp_path / "Annotations" / "a.xml", OBJECT.format("dent", 1, 2, 10, 9, ""), source=source, size=size)
    dataset = read_dataset(tmp_path)
    assert [sample.places for sample in dataset.samples] == [(Place(label="dent", box=box),)]
    assert dataset.problems == ()
    assert read_dataset(tmp_path / "Annotations").samples == dataset.samples


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_name_without_an_ending_means_the_picture_called_so(tmp_path: Path, save_photo: Save, encoding: str) -> None:
    save_photo(tmp_path / "JPEGImages" / "a.png")
    (tmp_path / "Annotations").mkdir()
    text = f"<annotation><filename>a</filename>{OBJECT.format('dent', 1, 2, 10, 9, '')}</annotation>"
    (tmp_path / "Annotations" / "a.xml").write_text(text, encoding=encoding)
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "val.txt").write_bytes(b"\xef\xbb\xbfa\r\n")
    dataset = read_dataset(tmp_path)
    assert [(sample.split, len(sample.places or ())) for sample in dataset.samples] == [("validation", 1)]
    assert dataset.problems == ()


def test_splits_and_difficult_objects_are_kept(tmp_path: Path, save_photo: Save) -> None:
    for name in "ab":
        save_photo(tmp_path / "JPEGImages" / f"{name}.jpg")
        write(tmp_path / "Annotations" / f"{name}.xml", OBJECT.format("dent", 1, 2, 10.5, 9, "<difficult>1</difficult>"))
    for split, name in (("train", "a"), ("val", "b")):
        (tmp_path / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
        (tmp_path / "ImageSets" / "Main" / f"{split}.txt").write_text(f"{name}\n")
    dataset = read_dataset(tmp_path)
    assert [sample.split for sample in dataset.samples] == ["train", "validation"]
    assert dataset.samples[0].places == (Place(label="dent", box=(1, 2, 10.5, 9), crowd=True),)


def test_masks_are_read_by_their_label_map(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "JPEGImages" / "a.jpg")
    write(tmp_path / "Annotations" / "a.xml")
    (tmp_path / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ndent:128,0,0::\nhole:0,128,0::\n"
    )
    mask = Image.new("RGB", (40, 30))
    mask.putpixel((3, 4), (128, 0, 0))
    (tmp_path / "SegmentationClass").mkdir()
    mask.save(tmp_path / "SegmentationClass" / "a.png")
    outline = MaskFile(path=tmp_path / "SegmentationClass" / "a.png", colour="#800000")
    assert read_dataset(tmp_path).samples[0].places == (Place(label="dent", box=None, outline=outline),)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (OBJECT.format("dent", 9, 2, 9, 9, ""), "has no area"),
        (OBJECT.format("dent", 9, 2, 3, 9, ""), "has no area"),
        (OBJECT.format("dent", 1, 2, 300, 9, ""), "reaches out of"),
        (OBJECT.format("dent", "nan", 2, 3, 9, ""), "nan, which is no position"),
        (OBJECT.format("dent", "x", 2, 3, 9, ""), "which are no numbers"),
        (OBJECT.format(" ", 1, 2, 3, 9, ""), "class name ' ' is none"),
        ("<object><name>dent</name></object>", "0 numbers, and 4 are meant"),
    ],
)
def test_a_wrong_object_is_named(tmp_path: Path, save_photo: Save, found: str, reason: str) -> None:
    save_photo(tmp_path / "a.jpg")
    write(tmp_path / "a.xml", OBJECT.format("dent", 1, 2, 10, 9, ""), found)
    [problem] = read_dataset(tmp_path).problems
    assert problem.severity == "error"
    assert problem.message.startswith("a.xml, object 2: ")
    assert reason in problem.message


def test_torn_xml_and_one_without_its_picture_are_told(tmp_path: Path, save_photo: Save) -> None:
    for name in "ab":
        save_photo(tmp_path / f"{name}.jpg")
    write(tmp_path / "a.xml", OBJECT.format("dent", 1, 2, 10, 9, ""))
    (tmp_path / "b.xml").write_text("<annotation><object>")
    write(tmp_path / "c.xml")
    dataset = read_dataset(tmp_path)
    assert [sample.path.name for sample in dataset.samples] == ["a.jpg"]
    assert [problem.message.partition(" (")[0] for problem in dataset.problems][:1] == ["b.xml: it is no XML"]
    assert "c.xml: there is no picture 'c.jpg'" in dataset.problems[1].message
