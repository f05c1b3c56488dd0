"""Pictures that a dataset has already, and that come again over REST: what people said of them meanwhile is not lost."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from sqlalchemy import select

from walkaround.hosting.host import Host
from walkaround.hosting.operations.lines.label_lines import label_members
from walkaround.settings import Settings
from walkaround.store.tables import Dataset, Entry

JPEG = {"content-type": "image/jpeg"}
PATH = "/api/v1/projects/abc/datasets/train"


class TellingHost(Host):
    """A host that tells when somebody tries to change a dataset."""

    tried = threading.Event()

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.changes: set[bytes] = set()

    def update_dataset_entries(self, *told: Any, **named: Any) -> Any:
        self.tried.set()
        self.changes.add(named["changes"])
        return super().update_dataset_entries(*told, **named)


async def ready(client: Any) -> Any:
    """The dataset, when nothing changes it."""
    while (told := (await client.get(PATH)).json())["status"] == "UPDATE_IN_PROGRESS":
        await asyncio.sleep(0.05)
    return told


async def begun(client: Any, content: bytes, **query: str) -> dict[str, Any]:
    """A dataset with one picture; the answer to its upload."""
    await client.post("/api/v1/projects", json={"name": "abc"})
    await client.post("/api/v1/projects/abc/datasets", json={"kind": "train"})
    sent: dict[str, Any] = (await client.post(f"{PATH}/pictures", params=query, content=content, headers=JPEG)).json()
    await ready(client)
    return sent


def test_an_upload_that_waits_labels_the_entry_as_it_is_then(talk: Any, draw: Any) -> None:
    content = draw(5)

    async def conversation(client: Any, app: Any) -> None:
        await begun(client, content)
        app.service.host = host = TellingHost(app.service.settings)
        host.tried.clear()
        with app.service.database.transaction() as session:  # as while a job changes it
            session.scalars(select(Dataset)).one().status = "UPDATE_IN_PROGRESS"
        sending = asyncio.create_task(client.post(f"{PATH}/pictures?label=anomaly", content=content, headers=JPEG))
        await asyncio.to_thread(host.tried.wait, 60)
        with app.service.database.transaction() as session:
            entry = session.scalars(select(Entry)).one()
            entry.line = entry.line.replace('"source-ref"', '"drawn-by-somebody": 1, "source-ref"')
            session.scalars(select(Dataset)).one().status = "UPDATE_COMPLETE"
        assert (await sending).status_code == 202
        await ready(client)
        line = (await client.get(f"{PATH}/entries")).json()["entries"][0]["line"]
        assert (line["drawn-by-somebody"], line["anomaly-label"]) == (1, label_members("anomaly")["anomaly-label"])

    talk(conversation)


def test_an_upload_that_comes_again_with_its_key_is_answered_alike(talk: Any, draw: Any) -> None:
    content = draw(6)

    async def conversation(client: Any, app: Any) -> None:
        await begun(client, draw(7))
        headers = {**JPEG, "idempotency-key": "once"}
        answers = []
        for _ in range(2):
            answers.append((await client.post(f"{PATH}/pictures", content=content, headers=headers)).json())
            await ready(client)
        assert answers[0] == answers[1]
        assert answers[0]["job"]

    talk(conversation)


def test_what_was_drawn_comes_again_with_its_key_and_is_answered_alike(talk: Any, draw: Any) -> None:
    async def conversation(client: Any, app: Any) -> None:
        picture = (await begun(client, draw(8)))["added"][0]["picture"]
        seen = (await client.get(f"{PATH}/places", params={"picture": picture})).json()
        headers = {"if-match": seen["version"], "idempotency-key": "once"}
        drawn = {"places": [{"label": "dent", "box": [1, 1, 20, 20]}]}
        answers = []
        for _ in range(2):
            answers.append(await client.put(f"{PATH}/places", params={"picture": picture}, json=drawn, headers=headers))
            await ready(client)
        assert [one.status_code for one in answers] == [202, 202]
        assert answers[0].json() == answers[1].json()

    talk(conversation)


def test_others_are_answered_however_many_uploads_wait_for_a_dataset(talk: Any, draw: Any) -> None:
    waiting = 45  # more than the server has threads

    async def conversation(client: Any, app: Any) -> None:
        await begun(client, draw(8))
        app.service.host = host = TellingHost(app.service.settings)
        with app.service.database.transaction() as session:  # as while a job changes it
            session.scalars(select(Dataset)).one().status = "UPDATE_IN_PROGRESS"
        sending = [
            asyncio.create_task(client.post(f"{PATH}/pictures", content=draw(100 + number), headers=JPEG))
            for number in range(waiting)
        ]
        while len(host.changes) < waiting:
            assert (await asyncio.wait_for(client.get("/api/v1/projects"), 5)).status_code == 200
        assert not any(task.done() for task in sending)
        with app.service.database.transaction() as session:
            session.scalars(select(Dataset)).one().status = "CREATE_FAILED"  # which nobody waits for
        assert {answer.status_code for answer in await asyncio.gather(*sending)} == {409}

    talk(conversation)
