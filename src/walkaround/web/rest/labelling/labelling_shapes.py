"""The shapes of the REST API for labelling: one picture after the other, reviews of it, classes and drafts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from walkaround.web.rest.labelling.place_shapes import DrawnPlace
from walkaround.web.rest.shapes import Label, Strict

State = Literal["unlabelled", "to_review", "accepted", "adjusted", "sent_back"]
Verdict = Literal["accepted", "adjusted", "sent_back"]
Kind = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]


class ReviewOfPicture(BaseModel):
    """What a second person said of the labels of a picture."""

    verdict: Verdict = Field(description="Accepted as they were, adjusted by the reviewer, or sent back to be labelled again.")
    by: str | None = Field(description="Who said it.")
    at: str | None = Field(description="When, in UTC.")
    note: str = Field(description="What the reviewer wrote.")
    labelled_by: str | None = Field(description="Who had labelled it.")
    label_before: Label | None = Field(description="The picture's label that was reviewed first.")
    iou: float | None = Field(description="How well the places that were reviewed lie on those that replaced them, 0 to 1.")
    unchanged: bool = Field(description="Whether the first labels were accepted as they were.")
    returned: bool = Field(description="Whether the picture was sent back at some time.")
    answered: bool = Field(description="Whether a picture that was sent back has been labelled again since.")


class Labelling(BaseModel):
    """All that people said of a picture of a dataset."""

    picture: str = Field(description="s3://BUCKET/KEY of the picture.")
    name: str | None = Field(description="What it was uploaded as.")
    label: Label | None = Field(description="What a person saw; null: unlabelled.")
    kinds: list[str] = Field(description="The damage types that a person saw somewhere in it.")
    places: list[DrawnPlace] = Field(description="What was drawn: boxes, outlines and painted areas.")
    version: str = Field(description="Of the entry; changes with it.")
    state: State = Field(description="How far it is.")
    labelled_by: str | None = Field(description="Who labelled it last.")
    labelled: str | None = Field(description="When, in UTC.")
    review: ReviewOfPicture | None = Field(description="What a second person said.")


class NewLabelling(Strict):
    """What is to be said of a picture instead of all that is said of it now."""

    label: Label | None = Field(
        description="What a person sees; null takes the label away, where no damage is named or drawn: that means anomaly."
    )
    kinds: Annotated[list[Kind], Field(max_length=100)] = Field(
        default=[], description="The damage types that a person sees somewhere in it."
    )
    places: Annotated[list[DrawnPlace], Field(max_length=500)] | None = Field(
        default=None, description="All that is to be drawn on it, later places over earlier ones; null leaves what is drawn."
    )


class NewReview(Strict):
    """What a second person says of the labels of a picture."""

    verdict: Verdict = Field(description="Accept them as they are, adjust them, or send them back to be labelled again.")
    note: Annotated[str, Field(max_length=500, description="What the labeller should know; needed to send back.")] = ""
    labelling: NewLabelling | None = Field(default=None, description="What is to be said instead; only to adjust.")


class QueuedPicture(BaseModel):
    """A picture that waits to be labelled or reviewed."""

    picture: str = Field(description="s3://BUCKET/KEY of the picture.")
    name: str | None = Field(description="What it was uploaded as.")
    label: Label | None = Field(description="What a person saw; null: unlabelled.")
    version: str = Field(description="Of the entry; changes with it.")
    state: State = Field(description="How far it is.")
    labelled_by: str | None = Field(description="Who labelled it last.")


class StateCounts(BaseModel):
    """Pictures of a dataset in each state."""

    unlabelled: int = Field(description="Not labelled.")
    to_review: int = Field(description="Labelled by one person.")
    accepted: int = Field(description="Reviewed, and accepted as they were.")
    adjusted: int = Field(description="Reviewed, and adjusted.")
    sent_back: int = Field(description="Sent back to be labelled again.")


class LabellingQueue(BaseModel):
    """The next pictures of a dataset, or those before."""

    pictures: list[QueuedPicture] = Field(description="The nearest first.")
    waiting: int = Field(description="All pictures that fit the filter.")
    passed: int = Field(description="How many of them come before the first of `pictures`.")
    counts: StateCounts = Field(description="All pictures of the dataset.")


class AgreementNumbers(BaseModel):
    """How far reviewers agree with those who label."""

    reviewed: int = Field(description="Pictures with a review.")
    unchanged: int = Field(description="Of these, those whose first labels were accepted as they were.")
    share: float | None = Field(description="Unchanged among reviewed, 0 to 1.")
    adjusted: int = Field(description="Pictures that the reviewer changed.")
    sent_back: int = Field(description="Pictures that were sent back at some time.")
    mean_iou: float | None = Field(description="How well places of adjusted pictures lay on those that replaced them, 0 to 1.")
    kappa: float | None = Field(
        description="Cohen's kappa of picture labels, first against last: 1 is perfect, 0 is chance; null where all are alike,"
        " or fewer than ten."
    )


class AgreementOfPerson(AgreementNumbers):
    """How far reviewers agree with one person who labels."""

    labelled_by: str | None = Field(description="Who labelled; null: nobody knows.")


class Agreement(AgreementNumbers):
    """How far reviewers agree with those who label a dataset."""

    people: list[AgreementOfPerson] = Field(description="The same for what each person labelled.")


class DamageClass(Strict):
    """A class to label with."""

    name: Annotated[str, Field(min_length=1, max_length=100, description="Its name, such as scratch.")]
    colour: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$", description="How it is drawn, #RRGGBB.")]
    hotkey: Annotated[str, Field(pattern=r"^[1-9]$")] | None = Field(default=None, description="The key for it, 1 to 9.")


class NewClasses(Strict):
    """The classes to label with from now on; what is labelled already stays as it is."""

    classes: Annotated[list[DamageClass], Field(min_length=1, max_length=100, description="In the order of lists.")]


class DamageClasses(BaseModel):
    """The classes that a project labels with."""

    classes: list[DamageClass] = Field(description="In the order of lists.")
    own: bool = Field(description="Whether the project has set its own; else they are the usual, and what is drawn already.")
    version: str = Field(description="Changes with them, see If-Match.")


class DraftPlace(DrawnPlace):
    """A place that a model proposes."""

    score: float | None = Field(default=None, description="How sure the model is of it, 0 to 1; null for areas.")


class DraftKind(BaseModel):
    """A damage type that a model proposes."""

    label: str = Field(description="The damage type.")
    score: float = Field(description="Its probability, 0 to 1.")


class Draft(BaseModel):
    """What a model proposes for a picture; it is no label before a person accepts it."""

    picture: str = Field(description="s3://BUCKET/KEY of the picture.")
    model: str = Field(description="The version that proposes it.")
    label: Label = Field(description="Its verdict.")
    confidence: float = Field(description="How sure it is of the verdict, 0 to 1.")
    threshold: float = Field(description="The probability from which it calls a picture damaged, 0 to 1.")
    kinds: list[DraftKind] = Field(
        description="Damage types that it tells: by their own thresholds where it has such, else those more probable than not."
    )
    places: list[DraftPlace] = Field(description="What it would draw.")
    width: int = Field(description="Of the picture, in pixels, upright.")
    height: int = Field(description="Of the picture, in pixels, upright.")


class KeptDraft(BaseModel):
    """What was kept of a picture when all were drafted."""

    draft: Draft | None = Field(description="What the model proposes; null: there is no draft.")
    made: datetime | None = Field(description="When it was made.")


class NewDrafts(Strict):
    """Drafts to make of all pictures without a label."""

    model: Annotated[str, Field(pattern=r"^([1-9][0-9]{0,9}|latest)$")] = Field(
        default="latest", description="A trained version, or the latest; it need not be hosted."
    )


class DraftsOfDataset(BaseModel):
    """How the newest drafting of a dataset stands."""

    status: Literal["NONE", "RUNNING", "COMPLETE", "CANCELLED", "FAILED"] = Field(description="NONE: there was none yet.")
    model: str | None = Field(description="The version that drafts.")
    message: str = Field(description="Why it failed or was cancelled, or what could not be looked at.")
    created: datetime | None = Field(description="When it was begun.")
    ended: datetime | None = Field(description="When it ended.")
    job: str | None = Field(description="The job that does it; null where it has ended.")
    pictures: int = Field(description="Pictures that had no draft of this version when it was begun.")
    unlabelled: int = Field(description="Pictures of the dataset that nobody has labelled.")
    drafted: int = Field(description="Of these, those with a draft of this version.")
    failed: int = Field(
        description="Of these, those that it could not look at; they are tried again when all are drafted again."
    )
