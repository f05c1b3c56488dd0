"""Write docs/debugger.md: how a training is watched, and every rule in one table, from the rules themselves.

python tools/list_rules.py            write it again
python tools/list_rules.py --check    exit with 1 when it is out of date
"""

from __future__ import annotations

from inspect import cleandoc

from page import ROOT, write_or_check
from walkaround.training.rules.table import RULES, Rule

TARGET = ROOT / "docs" / "debugger.md"

HEAD = """# Watching a training

Written by `make docs` from the rules themselves; a test fails when it is out of date.

Every training checks itself while it runs, and says what it found: on the terminal at once, and in a report. The rules are
those of SageMaker Debugger and its profiler, under the same names and with the same default thresholds, as far as they have to
do with networks for pictures. All are on. In a training that goes well they are silent.

```bash
walkaround train photos --out model --log runs/monday
walkaround train photos --out model --log runs/monday --rule Overfit.ratio_threshold=0.3 --rule StepOutlier=off
walkaround train photos --out model --log runs/monday --stop-on LossNotDecreasing --webhook https://example.com/hook
```

In the folder of `--log` there is for each part of the training (`verdict`, `boxes`, `masks`) a folder with event files, and for
all of them:

| file | what it is |
|---|---|
| `report.html` | one page that needs no network: rules that fired and what to do; losses, scores, rates, gradients, time |
| `report.json` | the same as data |

The report is written again after every epoch. A training that was interrupted goes on in the same folder, without a step twice.

## TensorBoard

```text
pip install 'walkaround[train]'
tensorboard --logdir runs
```

| tab | what is there |
|---|---|
| Scalars | see below |
| Images | validation pictures with the truth and what was found; of the verdict, the mistakes that it was surest of |
| PR curves | precision and recall on validation pictures; of the verdict, by cross-validation |
| Graphs | the exported network |
| HParams | the recipe of each run beside its scores |
| Text | the rules that fired, and the table of candidates |

| scalars | what they are |
|---|---|
| `train`, `epoch` | each loss at each step, and its mean over each epoch |
| `validation` | losses and scores after each epoch |
| `rate` | learning rates |
| `norm`, `gradients`, `weights`, `updates` | how large they are, all together and of each layer |
| `alive`, `activations` | share of the units of each activation that pass anything, and the spread of what goes in |
| `time`, `machine` | seconds of each step, and what the training takes of processor, memory and GPU |
| `final` | scores of the exported model |

The verdict is trained on frozen features: it has no steps. Its scalars are the candidates in their order (`candidates`), and
the reliability of its probabilities (`reliability`), whose steps are per cent.

## What follows when a rule fires

It is logged, and stands in the report with its step and advice, whatever else is asked for:

- `--stop-on RULE` ends this part of the training as early stopping does: the best checkpoint is kept, exported and measured.
  StalledTraining has nothing to wait for: it ends the command as Ctrl-C does, and the same command goes on from the last
  checkpoint.
- `--webhook URL` sends a POST with JSON, when a rule fires for the first time: `event` (`rule`), `rule`, `run`, `step`,
  `message`, `advice`, `stops` and `time`. It is tried four times; a receiver that does not answer holds nothing up. With
  `WALKAROUND_WEBHOOK_SECRET` set, it is signed in the header `X-Walkaround-Signature` as the webhooks of the
  [pipeline](pipeline-results.md) are.

## The rules

Networks are looked into every so many steps, a hundredth of the training and at least 20: that is a *look*. Where the service
counts saved steps, the rules here count looks, and a loss is the mean over all steps since the look before, so that the chance
in single batches does not set them off. What the service leaves open is said in each row.

"""

_WHEN = {
    "step": "after every step",
    "look": "at every look",
    "epoch": "after every epoch",
    "end": "at the end",
    "clock": "every few seconds",
}

FOOT = """
## What is not here

TreeDepth, FeatureImportanceOverweight and CreateXgboostReport are about XGBoost, NLPSequenceRatio is about text. Of the
profiler, IOBottleneck is seen by Dataloader, LoadBalancing is about several GPUs of one machine, and OverallSystemUsage and
ProfilerReport never fire: what they show is in the report. The use of a GPU is asked of `nvidia-smi`, of the first GPU only.

## What it costs

`python benchmarks/monitor.py` measures a training step with all rules, events and report over one without.
"""


def listing() -> str:
    """The whole page."""
    return HEAD + "\n".join(_section(rule) for rule in RULES) + FOOT


def _section(rule: Rule) -> str:
    found, _, more = cleandoc(rule.check.__doc__ or "").partition("\n")
    sentences = " ".join(line for line in more.split("\n") if line and not line.startswith("Source:"))
    first = found.removeprefix(f"{rule.name}: ")
    seen = f"{first[:1].upper()}{first[1:]} {sentences}".strip()
    thresholds = ", ".join(f"`{name}` {_value(value)}" for name, value in rule.parameters.items())
    asked = f"Asked {_WHEN[rule.when]}."
    given = f" Thresholds: {thresholds}." if thresholds else ""
    return f"### {rule.name}\n\n{seen}\n\n*When it fires:* {rule.advice}\n\n{asked}{given}\n"


def _value(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value).lower()


if __name__ == "__main__":
    write_or_check(TARGET, listing())
