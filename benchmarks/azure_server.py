"""A real Azure Blob Storage server of one's own, Microsoft's Azurite: started and stopped."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

import httpx

from s3_server import answers, free_ports
from served import wait_for

PROGRAM = (
    Path(__file__).parents[1] / ".venv-clients" / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
)
_VERSION = "2021-12-02"


@dataclass(kw_only=True)
class AzureServer:
    """Azurite with one account, from the environment `azurite` of scripts/client-environments.sh; it forgets all when it ends.

    Attributes:
        folder: of its log.
        account, key: the account that it knows.
        url: of that account, once it was started.
    """

    folder: Path
    account: str = "walkaround"
    key: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(64)).decode())
    url: str = ""
    _process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def missing() -> str | None:
        """Why it cannot be started, as a reason to skip a test."""
        if shutil.which("node") is None:
            return "needs Node.js"
        return None if PROGRAM.exists() else "needs Azurite: scripts/client-environments.sh azurite"

    @property
    def variables(self) -> dict[str, str]:
        """By which a program finds it and its account."""
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": self.account,
            "AZURE_STORAGE_ACCOUNT_KEY": self.key,
            "AZURE_STORAGE_ENDPOINT": self.url,
        }

    def start(self) -> None:
        """Start it, and wait until it answers."""
        (port,) = free_ports(1)
        command = ["node", str(PROGRAM), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
        command += ["--disableTelemetry", "--skipApiVersionCheck", "--silent"]
        known = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "AZURITE_ACCOUNTS": f"{self.account}:{self.key}"}
        with (self.folder / "azurite.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=known, cwd=self.folder)
        wait_for(lambda: answers(port), what="Azurite", seconds=120)
        self.url = f"http://127.0.0.1:{port}/{self.account}"

    def make_container(self, name: str) -> None:
        """Make a container."""
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": _VERSION}
        named = "".join(f"{header}:{value}\n" for header, value in headers.items())
        resource = f"/{self.account}/{self.account}/{name}\nrestype:container"
        text = "PUT" + "\n" * 12 + named + resource
        signed = base64.b64encode(hmac.digest(base64.b64decode(self.key), text.encode(), hashlib.sha256)).decode()
        headers["Authorization"] = f"SharedKey {self.account}:{signed}"
        httpx.put(f"{self.url}/{name}?restype=container", headers=headers, trust_env=False).raise_for_status()

    def stop(self) -> None:
        """End it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
