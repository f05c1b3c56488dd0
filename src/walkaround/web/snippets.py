"""Ready-to-paste calls of a model, filled with its real names; keys are named, never shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["python", "shell"]

_PICTURE = "car.jpg"


@dataclass(frozen=True, kw_only=True)
class Named:
    """What the calls are filled with; the letters of all of it are safe between quotes.

    Attributes:
        url: of the server, such as https://damage.example.com.
        endpoint: under which SageMaker's clients ask the model; None: there is none.
        keyless: whether the server asks for no key.
    """

    url: str
    region: str
    project: str
    version: int
    endpoint: str | None
    keyless: bool


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """One call.

    Attributes:
        name: of the client.
        needs: what has to be there before, in a sentence.
    """

    name: str
    language: Language
    needs: str
    code: str


def snippets_of(named: Named) -> list[Snippet]:
    """All calls of a model."""
    made = [_boto3(named), _aws_cli(named), _curl(named), _python(named)]
    return [*made, _sagemaker(named)] if named.endpoint is not None else made


def _boto3(named: Named) -> Snippet:
    code = f"""import boto3

client = boto3.client(
    "lookoutvision",
    endpoint_url="{named.url}",
    region_name="{named.region}",{_credentials(named)}
)
with open("{_PICTURE}", "rb") as picture:
    reply = client.detect_anomalies(
        ProjectName="{named.project}",
        ModelVersion="{named.version}",
        ContentType="image/jpeg",
        Body=picture,
    )
result = reply["DetectAnomalyResult"]
print("damaged" if result["IsAnomalous"] else "whole", round(result["Confidence"], 3))
"""
    return Snippet(name="boto3", language="python", needs=_model_of_service(named), code=code)


def _aws_cli(named: Named) -> Snippet:
    code = f"""aws lookoutvision detect-anomalies \\
    --endpoint-url {named.url} --region {named.region} \\
    --project-name {named.project} --model-version {named.version} \\
    --content-type image/jpeg --body {_PICTURE}
"""
    if named.keyless:
        code = f"export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any  # the server asks for no key\n{code}"
    return Snippet(name="AWS CLI", language="shell", needs=_model_of_service(named), code=code)


def _curl(named: Named) -> Snippet:
    key = "" if named.keyless else '    -H "Authorization: Bearer $WALKAROUND_TOKEN" \\\n'
    code = f"""curl --fail-with-body \\
{key}    -H "Content-Type: image/jpeg" --data-binary @{_PICTURE} \\
    "{_detect(named)}"
"""
    return Snippet(name="curl", language="shell", needs=_token(named), code=code)


def _python(named: Named) -> Snippet:
    imports, key = "import json\nimport urllib.request", ""
    if not named.keyless:
        imports = "import json\nimport os\nimport urllib.request"
        key = '\n        "Authorization": f"Bearer {os.environ[\'WALKAROUND_TOKEN\']}",'
    code = f"""{imports}

with open("{_PICTURE}", "rb") as picture:
    request = urllib.request.Request(
        "{_detect(named)}",
        data=picture.read(),
        headers={{{key}
            "Content-Type": "image/jpeg",
        }},
    )
with urllib.request.urlopen(request) as reply:
    found = json.load(reply)
print("damaged" if found["anomalous"] else "whole", round(found["confidence"], 3))
""".replace('headers={\n        "Auth', 'headers={\n            "Auth')
    return Snippet(name="Python", language="python", needs=_token(named), code=code)


def _sagemaker(named: Named) -> Snippet:
    code = f"""import json

import boto3

runtime = boto3.client(
    "sagemaker-runtime",
    endpoint_url="{named.url}",
    region_name="{named.region}",{_credentials(named)}
)
with open("{_PICTURE}", "rb") as picture:
    reply = runtime.invoke_endpoint(EndpointName="{named.endpoint}", ContentType="image/jpeg", Body=picture.read())
print(json.loads(reply["Body"].read())["predictions"][0])
"""
    return Snippet(name="SageMaker runtime", language="python", needs=_aws_key(named), code=code)


def _detect(named: Named) -> str:
    return f"{named.url}/api/v1/projects/{named.project}/models/{named.version}/detect"


def _credentials(named: Named) -> str:
    if not named.keyless:
        return ""
    return '\n    aws_access_key_id="any",  # the server asks for no key\n    aws_secret_access_key="any",'


def _model_of_service(named: Named) -> str:
    taught = "Once, for a client that no longer has the service: walkaround aws install-model."
    return f"{taught} {_aws_key(named)}"


def _aws_key(named: Named) -> str:
    if named.keyless:
        return "The server asks for no key; clients want some all the same, and any will do."
    return "An access key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, of the role detect or more."


def _token(named: Named) -> str:
    if named.keyless:
        return "The server asks for no key."
    return "The token of an access key in WALKAROUND_TOKEN, of the role detect or more."
