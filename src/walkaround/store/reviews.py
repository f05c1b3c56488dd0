"""The tables beside results: what persons say of them, and the pictures that are kept with them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from walkaround.store.tables import NEVER_AGAIN, Id, Table, now


class ResultReview(Table):
    """What a person said of a result, or did with it; the newest word counts, the others are its history."""

    __tablename__ = "result_reviews"
    __table_args__ = (Index("result_reviews_in_order", "result_id", "id"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    result_id: Mapped[int] = mapped_column(ForeignKey("results.id"))
    label: Mapped[str | None] = mapped_column(String(8))  # normal, anomaly; None: an earlier word is taken back
    added_to: Mapped[str | None] = mapped_column(String(8))  # the dataset that the picture was added to with this label
    note: Mapped[str] = mapped_column(String(500), default="")
    reviewer: Mapped[str] = mapped_column(String(200))  # a user's name or the id of an access key
    created: Mapped[datetime] = mapped_column(default=now)


class ResultPicture(Table):
    """A picture that is kept with a result in the bucket of uploads, which goes when no result names it any more."""

    __tablename__ = "result_pictures"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)  # its address, as in `Result.picture`
    result_id: Mapped[int] = mapped_column(Id)  # no reference: the row outlives the result, until the picture is gone
