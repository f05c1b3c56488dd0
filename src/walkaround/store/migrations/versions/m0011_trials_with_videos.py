"""Trials of videos, who verified what and when, and what pictures look like, so that none is added twice."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Take the step."""
    op.add_column("trials", sa.Column("same_as", sa.String(length=64)))
    for column in (
        sa.Column("video", sa.String(length=200)),
        sa.Column("time", sa.Double()),
        sa.Column("anomalous", sa.Boolean()),
        sa.Column("sureness", sa.Integer()),
        sa.Column("heat", sa.JSON()),
        sa.Column("quality", sa.JSON()),
        sa.Column("verified_by", sa.String(length=100)),
        sa.Column("verified_at", sa.DateTime()),
        sa.Column("said", sa.JSON()),
        sa.Column("added_to", sa.String(length=8)),
    ):
        op.add_column("trial_pictures", column)
    op.create_index("trial_pictures_by_sureness", "trial_pictures", ["trial_id", "sureness", "id"])
    op.execute("UPDATE trial_pictures SET added_to = 'train' WHERE added")
    _fill_verdicts()
    op.create_table(
        "trial_videos",
        sa.Column("id", _ID, nullable=False),
        sa.Column("trial_id", _ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("at_most", sa.Integer(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_trial_videos_trial_id"), "trial_videos", ["trial_id"])
    op.create_table(
        "picture_looks",
        sa.Column("source_ref", sa.String(length=1100), nullable=False),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source_ref"),
    )


def _fill_verdicts() -> None:
    """Verdict and confidence of the pictures that there are, from their findings."""
    connection = op.get_bind()
    table = sa.table(
        "trial_pictures",
        sa.column("id", _ID),
        sa.column("findings", sa.Text()),
        sa.column("anomalous", sa.Boolean()),
        sa.column("sureness", sa.Integer()),
    )
    text = sa.cast(table.c.findings, sa.Text())
    for number, findings in connection.execute(sa.select(table.c.id, text).where(table.c.findings.is_not(None))).all():
        told = json.loads(findings)
        if not isinstance(told, dict):  # JSON's null
            continue
        values = {"anomalous": bool(told.get("anomalous")), "sureness": round(1e6 * float(told.get("confidence", 0)))}
        connection.execute(sa.update(table).where(table.c.id == number).values(**values))
