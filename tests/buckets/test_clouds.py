"""Buckets on Azure and Google: Microsoft's own stand-in, Azurite, and a server that speaks the XML of Google's storage."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from azure_server import AzureServer
from google_server import GoogleServer
from walkaround.buckets.buckets import Buckets
from walkaround.buckets.remote import Patience
from walkaround.errors import BucketError, UnavailableError

QUICK = Patience(connect=0.5, silence=0.5, request=2, retries=1)


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A bucket that is called `photos` here, and what else there is.

    Attributes:
        buckets: with `photos`, `missing`, which its server does not have, and `whole`, of which `photos` is a part.
        page: objects that a page of its listings has.
    """

    buckets: Buckets
    page: int

    def write(self, *keys: str) -> None:
        for key in keys:
            self.buckets.write("photos", key, key.encode())


@pytest.fixture(params=["az", "gs"])
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A new part of a bucket, at each of the two."""
    if request.param == "az":
        azure: AzureServer = request.getfixturevalue("azure_server")
        variables, name = azure.variables, f"test-{uuid4().hex}"
        azure.make_container(name)
    else:
        google: GoogleServer = request.getfixturevalue("google_server")
        variables, name = google.variables, "open-photos"
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    whole = f"{request.param}://{name}"
    places = {"photos": f"{whole}/{uuid4().hex}", "whole": whole, "missing": f"{request.param}://not-there"}
    return Cloud(buckets=Buckets(places), page=5000 if request.param == "az" else 1000)


def test_what_is_written_is_read(cloud: Cloud) -> None:
    content = os.urandom(7_000_000)  # more than one part of an upload
    cloud.buckets.check("photos")
    cloud.buckets.write("photos", "large", content)
    assert cloud.buckets.read("photos", "large", at_most=len(content)) == content
    assert cloud.buckets.size("photos", "large") == len(content)
    cloud.buckets.write("photos", "large", b"small")
    assert cloud.buckets.read("photos", "large", at_most=5) == b"small"
    found = cloud.buckets.info("photos", "large")
    assert (found.key, found.size) == ("large", 5)
    assert [one.etag for one in cloud.buckets.list("photos")] == [found.etag]


def test_of_many_who_make_the_same_object_at_once_one_is_told_so(cloud: Cloud) -> None:
    with ThreadPoolExecutor(12) as pool:
        made = list(pool.map(lambda number: cloud.buckets.create("photos", "a/one", b"%d" % number), range(12)))
    assert made.count(True) == 1
    assert cloud.buckets.read("photos", "a/one", at_most=9) == b"%d" % made.index(True)
    cloud.buckets.write("photos", "a/one", b"replaced")
    assert not cloud.buckets.create("photos", "a/one", b"again")
    assert cloud.buckets.read("photos", "a/one", at_most=9) == b"replaced"


@pytest.mark.parametrize("key", ["a b", "ä/ö", "a?b#c", "%2e%2e/x", "a+b&c=d", "'\"<>", "…", "x" * 200, "@evil.com/x", "a*b"])
def test_any_key_is_one_object(cloud: Cloud, key: str) -> None:
    cloud.write(key)
    assert cloud.buckets.read("photos", key, at_most=1000) == key.encode()
    assert [found.key for found in cloud.buckets.list("photos")] == [key]


def test_what_is_taken_away_is_gone(cloud: Cloud) -> None:
    cloud.write("one", "two")
    cloud.buckets.remove("photos", "one")
    cloud.buckets.remove("photos", "one")  # is no fault
    assert [found.key for found in cloud.buckets.list("photos")] == ["two"]


def test_the_start_of_an_object_and_an_empty_one(cloud: Cloud) -> None:
    cloud.write("picture")
    cloud.buckets.write("photos", "empty", b"")
    assert cloud.buckets.start("photos", "picture", length=4) == b"pict"
    assert cloud.buckets.start("photos", "picture", length=400) == b"picture"
    assert cloud.buckets.start("photos", "empty", length=4) == b""
    assert cloud.buckets.read("photos", "empty", at_most=0) == b""


def test_a_listing_has_the_keys_that_begin_so(cloud: Cloud) -> None:
    cloud.write("b/1", "b/2/3", "b-c/x", "b.txt", "bb", "a")
    assert sorted(found.key for found in cloud.buckets.list("photos", "b")) == ["b-c/x", "b.txt", "b/1", "b/2/3", "bb"]
    assert [found.key for found in cloud.buckets.list("photos", "b/2")] == ["b/2/3"]
    assert list(cloud.buckets.list("photos", "nothing/here")) == []
    beside = {found.key.partition("/")[2] for found in cloud.buckets.list("whole")}
    assert {"b/1", "a"} <= beside


def test_more_than_one_page_is_listed(cloud: Cloud) -> None:
    if cloud.page > 1000 and not os.environ.get("WALKAROUND_SOAK"):
        pytest.skip("takes minutes, since Azure's pages have 5,000 objects: WALKAROUND_SOAK=1")
    names = [f"many/{number:05}" for number in range(cloud.page + 50)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: cloud.buckets.write("photos", name, b""), names))
    assert [found.key for found in cloud.buckets.list("photos", "many/")] == names


@pytest.mark.parametrize(
    ("use", "sentence"),
    [
        (lambda buckets: buckets.read("photos", "no/such.jpg", at_most=9), "There is no object 's3://photos/no/such.jpg'"),
        (lambda buckets: buckets.size("photos", "no.jpg"), "There is no object"),
        (lambda buckets: buckets.read("missing", "a", at_most=9), "There is no bucket 'missing' at its server"),
        (lambda buckets: list(buckets.list("missing")), "There is no bucket 'missing' at its server"),
        (lambda buckets: buckets.check("missing"), "There is no bucket 'missing' at its server"),
        (lambda buckets: buckets.read("photos", "picture", at_most=6), "has more than 6 bytes"),
        (lambda buckets: buckets.local("photos", "picture", folder=Path(), at_most=6), "has more than 6 bytes"),
    ],
)
def test_what_is_not_there_is_named(cloud: Cloud, use: Callable[[Buckets], object], sentence: str) -> None:
    cloud.write("picture")
    with pytest.raises(BucketError, match=sentence):
        use(cloud.buckets)


def test_a_copy_is_used_again_until_the_object_changes(cloud: Cloud, tmp_path: Path) -> None:
    cloud.write("a.jpg")
    first = cloud.buckets.local("photos", "a.jpg", folder=tmp_path, at_most=100)
    assert cloud.buckets.local("photos", "a.jpg", folder=tmp_path, at_most=100) == first
    cloud.buckets.write("photos", "a.jpg", b"another")
    second = cloud.buckets.local("photos", "a.jpg", folder=tmp_path, at_most=100)
    assert (first.read_bytes(), second.read_bytes()) == (b"a.jpg", b"another")


def refused(buckets: Buckets, name: str) -> list[str]:
    """What is said of everything that is not permitted in a bucket."""
    said = []
    uses: list[Callable[[], object]] = [
        lambda: buckets.read(name, "a.jpg", at_most=9),
        lambda: buckets.write(name, "a.jpg", b""),
        lambda: list(buckets.list(name)),
        lambda: buckets.size(name, "a.jpg"),
    ]
    for use in uses:
        with pytest.raises(BucketError) as caught:
            use()
        said.append(str(caught.value))
    return said


def test_a_key_that_azure_does_not_know_is_told(azure_server: AzureServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in azure_server.variables.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", base64.b64encode(b"another").decode())
    for sentence in refused(Buckets({"photos": "az://photos"}), "photos"):
        assert "is not permitted" in sentence
        assert "AZURE_STORAGE_ACCOUNT_KEY" in sentence


@pytest.mark.parametrize(("bucket", "token"), [("closed-photos", None), ("open-photos", "another")], ids=["bucket", "token"])
def test_a_bucket_of_google_that_is_not_ours_is_told(
    google_server: GoogleServer, bucket: str, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in google_server.variables.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", token or google_server.token)
    for sentence in refused(Buckets({"photos": f"gs://{bucket}"}), "photos"):
        assert "is not permitted" in sentence
        assert "GOOGLE_APPLICATION_CREDENTIALS" in sentence


@pytest.mark.parametrize("place", ["az://photos", "gs://photos"])
def test_a_server_that_is_away_is_told_soon(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    away = AzureServer(folder=Path(), url="http://127.0.0.1:9/walkaround").variables
    away |= GoogleServer(folder=Path(), buckets=(), url="http://127.0.0.1:9").variables
    for variable, value in away.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(UnavailableError, match=r"does not answer at the moment \(no connection\)"):
        Buckets({"photos": place}, patience=QUICK).read("photos", "a.jpg", at_most=9)


def test_google_without_keys_is_told_how_to_give_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in [name for name in os.environ if name.startswith("GOOGLE_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:9")
    with pytest.raises(BucketError, match="without keys: set GOOGLE_APPLICATION_CREDENTIALS"):
        Buckets({"photos": "gs://photos"}, patience=QUICK).write("photos", "a.jpg", b"")
