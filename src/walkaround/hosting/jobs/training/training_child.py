"""A training as a process of its own: pictures from buckets in, a package and two evaluation files out.

Run as `python -m walkaround.hosting.jobs.training.training_child FOLDER ATTEMPT PARENT LOG`, with the settings as JSON on its
input. FOLDER holds the task and the entries and is only read; ATTEMPT is a folder that nobody else writes, and its name is that
of the package's folder. It prints JSON lines: what it is doing, what the training tells (`training_live`), and last what came
of it, which is also in ATTEMPT. `training_job` starts it.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from walkaround.buckets.buckets import Buckets, buckets_of
from walkaround.datasets.manifest import write_manifest
from walkaround.datasets.sample import Dataset, Problem, Sample
from walkaround.datasets.survey import Survey, survey
from walkaround.errors import BucketError, TrainingError, UnavailableError, WalkaroundError, writing
from walkaround.evaluation.measure import Evaluation
from walkaround.evaluation.scorecard import as_json
from walkaround.hosting.jobs.fetching import Report, fetch
from walkaround.hosting.jobs.told_child import Teller, tell
from walkaround.hosting.jobs.training.evaluation_files import Entry, Named, evaluation_manifest, evaluation_result, output_key
from walkaround.hosting.jobs.training.measured_file import write_measured
from walkaround.hosting.jobs.training.training_job import ENTRIES_FILES, RESULT_FILE, TASK_FILE
from walkaround.hosting.jobs.training.training_live import LiveWatch, Tell, problem_lines, tuning_line
from walkaround.hosting.jobs.training.training_places import drawn_on, with_places
from walkaround.hosting.log_lines import log_json
from walkaround.hosting.operations.training.training_options import has_pytorch, in_service_words, options_told, require_pytorch
from walkaround.hosting.operations.training.trainings import CHECKING
from walkaround.hosting.operations.training.verdict_labels import VerdictLabels, with_verdict_labels
from walkaround.hosting.owner import Owner
from walkaround.hosting.pool.parent import follow_parent
from walkaround.settings import Settings
from walkaround.training.train import Trained, train

_logger = logging.getLogger(__name__)

_MANIFEST = "pictures.jsonl"
_NICE = 5


@dataclass(frozen=True, kw_only=True)
class TrainingTask:
    """What to train.

    Attributes:
        output: S3Location of the OutputConfig.
        single: there is no test dataset, and a part of the training dataset is kept back.
        options: that were asked for.
        log: folder of event files and the report, relative to the data folder; all attempts share it.
    """

    account: str
    region: str
    project: str
    version: int
    output: dict[str, str]
    single: bool
    options: dict[str, Any] | None = None
    log: str | None = None

    @property
    def owner(self) -> Owner:
        """Whose model it is."""
        return Owner(account=self.account, region=self.region)

    @property
    def model_arn(self) -> str:
        """The model's name."""
        return self.owner.model_arn(self.project, self.version)


def run_training(
    folder: Path, attempt: Path, *, settings: Settings, buckets: Buckets, report: Report, live: Tell | None = None
) -> dict[str, Any]:
    """Train what `folder` says, and write the evaluation to the output location.

    Args:
        folder: holds the task and the entries.
        attempt: folder for what is written on the way; the package goes to one of the same name among the model's.
        settings: the server's.
        buckets: where the pictures are, and the output location.
        report: told how far it is.
        live: told losses, epochs, rules and problems as they come; None: nobody is.

    Returns:
        What the model's row gets.

    Raises:
        TrainingError: too few pictures are left, or masks cannot be used.
        MissingExtraError: what was drawn cannot be learnt without PyTorch.
        BucketError: the output location cannot be written.
        UnavailableError: a bucket does not answer.
        StorageError: the disk refuses.
    """
    task = TrainingTask(**json.loads((folder / TASK_FILE).read_text(encoding="utf-8")))
    buckets.check(task.output["Bucket"])  # rather now than after hours of work
    entries = read_entries(folder)
    drawn = drawn_on(entries)
    recipe = (options := options_told(task.options)).recipe(settings)
    require_pytorch(drawn, installed=has_pytorch(), recipe=recipe)
    refused: list[BucketError] = []
    get = partial(fetch, buckets=buckets, cache=settings.data / "cache" / "pictures", report=report, refused=refused)
    paths = get([entry.ref for entry in entries], doing="Fetching pictures")
    looked = _looked(attempt, entries, paths, report=report)
    lines = {path: drawn.lines[number] for number, path in paths.items()}
    if drawn.has_masks or drawn.has_boxes:
        looked = with_places(looked, lines, partial(get, doing="Fetching masks"))
    left_out = len(entries) - len(looked.samples)
    kinds = [lines[sample.path].kinds for sample in looked.samples]
    with _told_why(refused):
        samples, verdict = with_verdict_labels(
            looked.samples, kinds, looked.groups, wanted=options.multi_label, single=task.single, left_out=left_out
        )
    recipe = replace(recipe, multi_label=verdict.multi_label)
    manifest = attempt / _MANIFEST
    write_manifest(manifest, samples)
    package = _package(task, attempt.name, settings)
    monitor = LiveWatch(settings.data / task.log, live) if live is not None and task.log is not None else None
    trained = train(manifest, out=settings.data / package, recipe=recipe, progress=report, monitor=monitor)
    if live is not None:
        _tell_of(trained, verdict, live)
    if trained.evaluation is None:  # not with the least numbers of pictures that were checked
        raise TrainingError("No test picture is left to measure on; add labelled pictures.")
    report("Writing the evaluation", 0, 1)
    tested = _tested(entries, paths, single=task.single)
    write_measured(trained.package, trained.evaluation, tested)
    return {
        "package": str(package),
        "message": _message(left_out, refused),
        **_published(task, trained, trained.evaluation, tested, buckets),
    }


def _tell_of(trained: Trained, verdict: VerdictLabels, live: Tell) -> None:
    """Tell the log what came of fine-tuning, why a multi-label model was trained, and what is wrong with the pictures."""
    tuned = tuning_line(trained.package.card.training.get("tuning"))
    chosen = [Problem(kind="multi-label", severity="note", message=verdict.why)] if verdict.multi_label else []
    for line in [*([tuned] if tuned else []), *problem_lines([*chosen, *trained.problems])]:
        live(line)


def read_entries(folder: Path) -> list[Entry]:
    """The labelled entries that were put aside, those of the training dataset first."""
    entries = []
    for split, name in ENTRIES_FILES.items():
        if (folder / name).exists():
            with (folder / name).open(encoding="utf-8") as lines:
                entries += [Entry(**json.loads(line), split=split) for line in lines]
    return entries


def _looked(folder: Path, entries: Sequence[Entry], paths: Mapping[int, Path], *, report: Report) -> Survey:
    """What the pictures that are there show; those that cannot be read, or bear two labels, are left out."""
    samples = [Sample(path=path, label=entries[number].label, split=entries[number].split) for number, path in paths.items()]
    dataset = Dataset(origin=folder, samples=tuple(samples))
    return survey(dataset, progress=lambda done, of: report(CHECKING, done, of))


def _tested(entries: Sequence[Entry], paths: Mapping[int, Path], *, single: bool) -> dict[Path, Entry]:
    """The entries that may have been tested, by the path of their picture."""
    return {path: entries[number] for number, path in paths.items() if single or entries[number].split == "test"}


def _package(task: TrainingTask, attempt: str, settings: Settings) -> Path:
    """Where the package goes, relative to the data folder; its last part becomes its name, and the folder above it is made."""
    folder = task.owner.model_folder(task.project, task.version) / attempt
    with writing(settings.data / folder):
        (settings.data / folder).mkdir(parents=True, exist_ok=True)
    return folder / f"{task.project}-{task.version}"


def _published(
    task: TrainingTask, trained: Trained, evaluation: Evaluation, tested: Mapping[Path, Entry], buckets: Buckets
) -> dict[str, Any]:
    """Write the two evaluation files, and say what the row of the model gets of them."""
    ended = datetime.now(UTC)
    named = Named(model_arn=task.model_arn, project=task.project, version=task.version, ended=ended)
    bucket, prefix = task.output["Bucket"], task.output.get("Prefix", "")
    places = {
        kind: {"Bucket": bucket, "Key": output_key(prefix, kind, named)} for kind in ("EvaluationManifest", "EvaluationResult")
    }
    manifest = evaluation_manifest(evaluation, tested, named)
    training_pictures = int(trained.package.card.data["pictures"])
    masks = None if evaluation.places is None else evaluation.places.masks
    buckets.write(bucket, places["EvaluationManifest"]["Key"], manifest)
    buckets.write(
        bucket,
        places["EvaluationResult"]["Key"],
        evaluation_result(evaluation.scores, named, training_pictures=training_pictures, masks=masks),
    )
    scores = evaluation.scores
    return {
        "manifest": places["EvaluationManifest"],
        "result": places["EvaluationResult"],
        "ended": ended.isoformat(),
        "f1": scores.f1 or 0.0,  # undefined where nothing was called an anomaly, or nothing is one
        "recall": scores.recall or 0.0,
        "precision": scores.precision or 0.0,
        "scores": as_json(evaluation, {"package": trained.package.fingerprint, "training_pictures": training_pictures}),
    }


def _message(left_out: int, refused: Sequence[BucketError]) -> str:
    if left_out == 0:
        return ""
    why = "they are missing, cannot be read, or bear two labels"
    return f"Training completed. {left_out:,} pictures were left out: {why}.{_first(refused)}"


@contextmanager
def _told_why(refused: Sequence[BucketError]) -> Iterator[None]:
    """Have an error that tells of too few pictures say why one of them is missing."""
    try:
        yield
    except TrainingError as problem:
        raise TrainingError(f"{problem}{_first(refused)}") from problem


def _first(refused: Sequence[BucketError]) -> str:
    """Why one of the files could not be had: mostly it is the same of all of them, such as a bucket that is not mapped."""
    return f" The first that could not be fetched: {refused[0]}" if refused else ""


def main(arguments: list[str]) -> None:
    """Train what FOLDER says: FOLDER, ATTEMPT, PARENT (process id of the server), LOG (json, as the server logs, or text)."""
    folder, attempt = (Path(os.path.realpath(place)) for place in arguments[:2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt from the keyboard is for the server, which then ends this
    follow_parent(int(arguments[2]))
    os.nice(_NICE)  # hosted models answer first
    settings = Settings(**json.loads(sys.stdin.read()))
    if arguments[3] == "json":
        log_json(settings.log_level)
    else:
        logging.basicConfig(level=logging.WARNING)
    try:
        result = run_training(folder, attempt, settings=settings, buckets=buckets_of(settings), report=Teller(), live=tell)
    except UnavailableError as problem:
        tell({"unavailable": str(problem)})
        return
    except WalkaroundError as problem:
        result = {"failed": in_service_words(str(problem))}
    except MemoryError:  # may be chance: the training is taken up again
        _logger.exception("The training in %s was out of memory.", folder)
        sys.exit(1)
    except Exception as problem:  # an end without a word would be taken for want of memory, and tried again in vain
        _logger.exception("The training in %s failed.", folder)
        result = {
            "failed": f"The training failed at an unforeseen error: {type(problem).__name__}: {problem}. See the server's log."
        }
    part = attempt / f"{RESULT_FILE}.part"
    part.write_text(json.dumps(result), encoding="utf-8")
    part.replace(attempt / RESULT_FILE)
    tell(result)


if __name__ == "__main__":
    main(sys.argv[1:])
