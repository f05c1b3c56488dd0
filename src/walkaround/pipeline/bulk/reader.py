"""The process of a worker that inspects: it alone decodes what strangers send. See `walkaround.pipeline.apart`.

python -m walkaround.pipeline.bulk.reader PARENT THREADS
"""

from __future__ import annotations

from walkaround.pipeline.answering import Begin, Handler, serve
from walkaround.pipeline.bulk.inspection import Content, Equipment, Inspection
from walkaround.pipeline.bulk.rows import Listed


def handler_of(equipment: Equipment) -> Handler:
    """What answers with the row of an object.

    Raises:
        PackageError: the model cannot be loaded.
    """
    inspection = Inspection(equipment)

    def row(question: tuple[Listed, Content], begin: Begin) -> dict[str, object]:
        begin()
        return inspection.row(*question)

    return row


if __name__ == "__main__":
    serve(handler_of)
