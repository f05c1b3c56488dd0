"""The models of watches: looked up, and answering by the threshold that a person adopted."""

from __future__ import annotations

import shutil
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import update

from made_models import made_package
from walkaround.errors import PackageError
from walkaround.pipeline.looking import THRESHOLD_SECONDS, Models
from walkaround.pipeline.sights import ChosenModel
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Model, Project


def test_a_watch_answers_by_the_threshold_that_was_adopted_within_a_second(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/walkaround.sqlite")
    database.migrate()
    shutil.copytree(made_package(tmp_path / "made", damage=0.8).path, tmp_path / "models" / "cars")
    with database.transaction() as session:
        project = Project(account="000000000000", region="us-east-1", name="cars")
        session.add(project)
        session.flush()
        number = project.id
        output = {"S3Location": {"Bucket": "photos", "Prefix": ""}}
        session.add(Model(project_id=number, version=1, status="TRAINED", output=output, package="models/cars"))
    models = Models(database, Settings(data=tmp_path))
    assert models.model(number, 1) == ChosenModel(package=tmp_path / "models" / "cars", threshold=None)
    with database.transaction() as session:
        session.execute(update(Model).values(threshold=0.9))
    looked_after = monotonic() + THRESHOLD_SECONDS
    while monotonic() < looked_after:
        assert models.model(number, 1).threshold in (None, 0.9)
    assert models.model(number, 1).threshold == 0.9
    with pytest.raises(PackageError, match="not there any more"):
        models.model(number, 2)
    database.close()
