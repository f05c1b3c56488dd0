"""The AWS CLI through the whole life of a project, as its users type it: the last that knows the service, and today's."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from served import Served

PASSING = {"TRAINING", "STARTING_HOSTING", "STOPPING_HOSTING", "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}


@dataclass(frozen=True, kw_only=True)
class Cli:
    """`aws lookoutvision ...` of one environment, against one server."""

    program: Path
    served: Served
    home: Path

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """As typed; words have no spaces in them here."""
        environment = {**self.served.variables_of_clients(), "HOME": str(self.home), "AWS_PAGER": ""}
        return subprocess.run(
            [self.program, "lookoutvision", *line.split()], env=environment, capture_output=True, text=True, check=False
        )

    def __call__(self, line: str) -> dict[str, Any]:
        """What it answers."""
        result = self.run(line)
        assert result.returncode == 0, f"{line}: {result.stderr}"
        return json.loads(result.stdout) if result.stdout.strip() else {}

    def refused(self, line: str) -> str:
        """What it says when it is refused."""
        result = self.run(line)
        assert result.returncode in (254, 255), f"{line}: {result.stdout}"
        return result.stderr

    def until(self, status: str, line: str, key: str) -> dict[str, Any]:
        """The description, once it has this status."""
        end = time.monotonic() + 900
        while time.monotonic() < end:
            described: dict[str, Any] = self(line)[key]
            if described["Status"] == status:
                return described
            assert described["Status"] in PASSING, described
            time.sleep(0.5)
        raise TimeoutError(f"{line}: not {status}")


@pytest.fixture(params=["old", "current"])
def aws(request: pytest.FixtureRequest, server: Served, tmp_path: Path) -> Cli:
    """The CLI; today's is given the service model by `walkaround aws install-model` first."""
    programs: Path = request.getfixturevalue(request.param)
    if request.param == "current":
        subprocess.run([sys.executable, "-m", "walkaround", "aws", "install-model"], env={"HOME": str(tmp_path)}, check=True)
    return Cli(program=programs / "aws", served=server, home=tmp_path)


def test_the_aws_cli_from_project_to_deletion(aws: Cli, bucket: Path, cars: Path, tmp_path: Path) -> None:
    project = f"cars-{aws.program.parents[1].name}-cli"
    of = f"--project-name {project}"
    arn = aws(f"create-project {of}")["ProjectMetadata"]["ProjectArn"]
    assert arn.endswith(f":project/{project}")
    make_dataset(aws, of, bucket)
    model = train(aws, of, bucket)
    tag(aws, model["ModelArn"])
    detect(aws, f"{of} --model-version 1", cars)
    described = aws(f"list-models {of}")["Models"]
    assert [(one["ModelVersion"], one["Status"]) for one in described] == [("1", "TRAINED")]
    aws(f"delete-model {of} --model-version 1")
    while aws(f"list-models {of}")["Models"]:
        time.sleep(0.2)
    aws(f"delete-dataset {of} --dataset-type train")
    assert aws(f"delete-project {of}") == {"ProjectArn": arn}
    assert "(ResourceNotFoundException)" in aws.refused(f"describe-project {of}")


def make_dataset(aws: Cli, of: str, bucket: Path) -> None:
    source = json.dumps({"GroundTruthManifest": {"S3Object": {"Bucket": bucket.name, "Key": "all.manifest"}}})
    aws(f"create-dataset {of} --dataset-type train --dataset-source {source.replace(' ', '')}")
    described = aws.until("CREATE_COMPLETE", f"describe-dataset {of} --dataset-type train", "DatasetDescription")
    assert described["ImageStats"] == {"Total": 60, "Labeled": 60, "Normal": 30, "Anomaly": 30}
    listed = aws(f"list-dataset-entries {of} --dataset-type train --page-size 25 --anomaly-class anomaly")["DatasetEntries"]
    assert len(listed) == 30
    changes = bucket.parent / f"{of.split()[1]}.jsonl"
    changes.write_text("".join(f"{line}\n" for line in listed[:3]))
    reply = aws(f"update-dataset-entries {of} --dataset-type train --changes fileb://{changes}")
    assert reply == {"Status": "UPDATE_IN_PROGRESS"}
    aws.until("UPDATE_COMPLETE", f"describe-dataset {of} --dataset-type train", "DatasetDescription")


def train(aws: Cli, of: str, bucket: Path) -> dict[str, Any]:
    output = json.dumps({"S3Location": {"Bucket": bucket.name, "Prefix": ""}}, separators=(",", ":"))
    assert aws(f"create-model {of} --output-config {output}")["ModelMetadata"]["Status"] == "TRAINING"
    model = aws.until("TRAINED", f"describe-model {of} --model-version latest", "ModelDescription")
    assert (bucket / f"EvaluationResult-{of.split()[1]}-1.json").is_file()  # no prefix: at the bucket's top
    assert model["Performance"]["F1Score"] >= 0.7
    return model


def tag(aws: Cli, arn: str) -> None:
    aws(f"tag-resource --resource-arn {arn} --tags Key=team,Value=fleet Key=site,Value=A")
    assert len(aws(f"list-tags-for-resource --resource-arn {arn}")["Tags"]) == 2
    aws(f"untag-resource --resource-arn {arn} --tag-keys team site")
    assert aws(f"list-tags-for-resource --resource-arn {arn}") == {"Tags": []}


def detect(aws: Cli, model: str, cars: Path) -> None:
    """The prediction workflow of AWS's sample, word for word."""
    assert aws(f"start-model {model} --min-inference-units 1") == {"Status": "STARTING_HOSTING"}
    aws.until("HOSTED", f"describe-model {model}", "ModelDescription")
    verdicts = [
        aws(f"detect-anomalies {model} --content-type image/jpeg --body {picture}")["DetectAnomalyResult"]["IsAnomalous"]
        for picture in (cars / "normal" / "car_001.jpg", cars / "anomaly" / "car_001.jpg")
    ]
    assert verdicts == [False, True]  # trained on both, so that only a broken model fails
    assert "(ValidationException)" in aws.refused(f"detect-anomalies {model} --content-type text/plain --body {__file__}")
    assert aws(f"stop-model {model}") == {"Status": "STOPPING_HOSTING"}
    aws.until("TRAINED", f"describe-model {model}", "ModelDescription")
