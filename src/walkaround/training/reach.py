"""What of a plan this installation can train; nothing that trains is loaded for the answer, so that a server can ask."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

from walkaround.datasets.sample import Problem
from walkaround.errors import InputError, MissingExtraError
from walkaround.training.plan import Plan
from walkaround.training.recipe import Quality, Recipe

_NEEDS = "needs PyTorch, which is not installed: pip install 'walkaround[train]'"


def within_reach(plan: Plan, recipe: Recipe) -> Plan:
    """The plan without the parts that this installation cannot train, with a note on them.

    Raises:
        MissingExtraError: nothing would be left, such a part was asked for by name, or fine-tuning.
        InputError: there is no network of the size that was asked for.
    """
    if recipe.quality is Quality.BEST and plan.task == "classes" and find_spec("torch") is None:
        raise MissingExtraError(f"Fine-tuning {_NEEDS}; or leave out --quality best.")
    wanted = [kind for kind, part in (("boxes", plan.boxes), ("masks", plan.masks)) if part is not None]
    if wanted and recipe.ray is not None and find_spec("ray") is None:
        raise MissingExtraError(
            "Training on a cluster needs Ray, which is not installed: pip install 'walkaround[train,bulk]'."
        )
    if not wanted or find_spec("torch") is not None:
        if plan.boxes is not None:
            _check_size(recipe)
        return plan
    what = " and ".join(wanted)
    if recipe.only:
        raise MissingExtraError(f"Training of {what} {_NEEDS}; or train the verdict alone with --only verdict.")
    if plan.task == "places":
        raise MissingExtraError(
            f"The pictures have {what}, and training of {what} {_NEEDS}. A verdict alone, with --only verdict, needs"
            " pictures of whole cars as well as of damaged ones."
        )
    message = f"The pictures have {what}, which this package does not learn to find: it {_NEEDS}, and train again."
    notes = [note for note in plan.notes if note.kind not in ("few-boxes", "few-masks")]
    note = Problem(kind="no-torch", severity="note", message=message)
    return replace(plan, boxes=None, masks=None, notes=(*notes, note))


def _check_size(recipe: Recipe) -> None:
    if recipe.boxes_size == Recipe.boxes_size:  # who only plans need not load PyTorch
        return
    from walkaround.training.gradient.box_recipes import RECIPES

    if recipe.boxes_size not in RECIPES:
        raise InputError(f"There is no size {recipe.boxes_size!r} of a network for boxes; choose one of {', '.join(RECIPES)}.")
