"""Read TFRecords as training with TensorFlow does, in its own environment: `tensorflow_records.py FOLDER`; tells JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf

FEATURES = {
    **{f"image/{name}": tf.io.FixedLenFeature((), tf.int64) for name in ("height", "width")},
    **{f"image/{name}": tf.io.FixedLenFeature((), tf.string) for name in ("filename", "source_id", "encoded", "format")},
    **{f"image/object/bbox/{edge}": tf.io.VarLenFeature(tf.float32) for edge in ("xmin", "xmax", "ymin", "ymax")},
    "image/object/class/text": tf.io.VarLenFeature(tf.string),
    "image/object/class/label": tf.io.VarLenFeature(tf.int64),
}


def described(record: tf.Tensor) -> dict[str, object]:
    """What TensorFlow makes of one record, its picture decoded."""
    example = tf.io.parse_single_example(record, FEATURES)
    lists = {name: tf.sparse.to_dense(value).numpy() for name, value in example.items() if isinstance(value, tf.SparseTensor)}
    pixels = tf.io.decode_image(example["image/encoded"], channels=3).numpy()
    return {
        "name": example["image/filename"].numpy().decode(),
        "source_id": example["image/source_id"].numpy().decode(),
        "format": example["image/format"].numpy().decode(),
        "size": [int(example["image/width"]), int(example["image/height"])],
        "decoded": [pixels.shape[1], pixels.shape[0]],
        "corner": pixels[0, 0].tolist(),
        "boxes": [
            [float(lists[f"image/object/bbox/{edge}"][k]) for edge in ("xmin", "ymin", "xmax", "ymax")]
            for k in range(len(lists["image/object/bbox/xmin"]))
        ],
        "classes": [name.decode() for name in lists["image/object/class/text"]],
        "ids": lists["image/object/class/label"].tolist(),
    }


def main(folder: Path) -> None:
    """Tell of all records of a folder, by file."""
    files = sorted(folder.glob("*.records*"))
    seen = {file.name: [described(record) for record in tf.data.TFRecordDataset(str(file))] for file in files}
    sys.stdout.write(json.dumps(seen) + "\n")


main(Path(sys.argv[1]))
