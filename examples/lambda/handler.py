"""An AWS Lambda function that tells walkaround what was put into S3; it needs nothing but Python.

Its variables: WALKAROUND_EVENTS_URL, and either WALKAROUND_TOKEN or WALKAROUND_EVENTS_SECRET.
"""

import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.request

SECONDS = 20


def handler(event, _context):
    """Post the event as it is; whatever goes wrong is raised, and Lambda calls again with the same event."""
    url = os.environ["WALKAROUND_EVENTS_URL"]
    if not url.startswith(("https://", "http://")):
        raise ValueError("WALKAROUND_EVENTS_URL must be https://HOST/api/v1/events?watch=NAME")
    body = json.dumps(event).encode()
    request = urllib.request.Request(url, body, headers(body), method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:  # noqa: S310
            told = json.load(reply)
    except urllib.error.HTTPError as refused:
        said = refused.read(2000).decode("utf-8", "replace")
        if refused.code == 400:  # it will be refused again, and walkaround keeps it among its dead letters
            print(json.dumps({"refused": said}))
            return {"refused": said}
        raise RuntimeError(f"walkaround answered {refused.code}: {said}") from None
    print(json.dumps(told))
    return told


def headers(body):
    """The content's type, and the token or a signature of the body under the shared secret."""
    kind = {"Content-Type": "application/json"}
    token = os.environ.get("WALKAROUND_TOKEN")
    if token:
        return {**kind, "Authorization": f"Bearer {token}"}
    secret, at = os.environ["WALKAROUND_EVENTS_SECRET"], str(int(time.time()))
    digest = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {**kind, "X-Walkaround-Signature": f"t={at},v1={digest}"}
