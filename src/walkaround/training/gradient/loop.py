"""The training loop: one for boxes, masks and fine-tuning. What `kill -9` interrupts goes on exactly where it was kept."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from walkaround.errors import TrainingError
from walkaround.training.gradient.average import Average
from walkaround.training.gradient.batches import Batch
from walkaround.training.gradient.checkpoint import State, read_checkpoint, write_checkpoint
from walkaround.training.gradient.clock import Clock
from walkaround.training.gradient.interruption import Interruption, interruptible
from walkaround.training.gradient.learner import Learner
from walkaround.training.gradient.loader import Loader
from walkaround.training.gradient.schedule import Schedule, make_optimiser
from walkaround.training.gradient.team import Alone
from walkaround.training.gradient.telling import Teller
from walkaround.training.monitor import EpochFacts, Monitor
from walkaround.training.run import Run


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What came of a run.

    Attributes:
        network: with the averaged weights that scored best on the validation, in evaluation mode, on the CPU.
        score: of these; None where nothing was validated.
        best_epoch: after which they stood.
        epochs: begun; `steps`: done; `seconds`: spent, over all processes that went on from each other's checkpoints.
        ended: "all epochs", "no better score", "time" or "stopped by a rule".
        history: what each validation found, with "epoch".
    """

    network: nn.Module
    score: float | None
    best_epoch: int | None
    epochs: int
    steps: int
    seconds: float
    ended: str
    history: tuple[dict[str, float], ...]


def train_network(
    learner: Learner, *, name: str, loader: Loader, validation: Iterable[Batch] | None, schedule: Schedule, run: Run
) -> Outcome:
    """Train a network until its epochs, the time or the patience ends; go on from a checkpoint where there is one.

    Args:
        learner: the network, its loss and its score.
        name: of the checkpoint file in `run.folder`, and of what progress tells ("boxes").
        loader: the pictures to learn from.
        validation: passed to `learner.validate`; None: nothing is validated, and the last averaged weights are taken.
        schedule: how.
        run: where, how long, and who is told.

    Raises:
        TrainingError: the loss is no number any more.
        StorageError: the checkpoint cannot be written.
    """
    torch.set_num_threads(max(1, run.threads))
    training = _Training(learner, name=name, loader=loader, validation=validation, schedule=schedule, run=run)
    with interruptible() as interruption:
        try:
            while not training.state.ended:
                training.epoch(interruption)
        except KeyboardInterrupt:
            training.keep()
            raise
    return training.outcome()


class _Training:
    """A run in progress: what `State` says, in the memory of the device."""

    def __init__(
        self, learner: Learner, *, name: str, loader: Loader, validation: Iterable[Batch] | None, schedule: Schedule, run: Run
    ) -> None:
        self._learner, self._loader, self._validation = learner, loader, validation
        self._schedule, self._run, self._name = schedule, run, name
        self._team = run.team or Alone()
        self._device = torch.device(run.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._network = learner.network.to(self._device)
        self._optimiser = make_optimiser(self._network, schedule)
        self._average = Average(self._network, schedule.average)
        self._half = _half_precision(self._device, schedule)
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=self._half is torch.float16)
        self._steps = schedule.epochs * len(loader)
        self._path = run.folder / f"{name}.pt"
        self.state = self._resumed()
        self._clock = Clock(deadline=run.deadline, done=self.state.done, seconds=self.state.seconds)
        self._kept = time.monotonic()
        monitor = run.monitor if run.monitor is not None and self._team.rank == 0 else Monitor()
        self._teller = Teller(monitor, self._network, loader)
        self._teller.start(
            name, schedule, first_step=self.state.step, steps=self._steps, device=self._device, threads=run.threads
        )

    def epoch(self, interruption: Interruption) -> None:
        """Learn from the rest of an epoch, measure, and decide whether to go on."""
        state, ended, began = self.state, "", self._clock.seconds()
        self._optimiser.zero_grad(set_to_none=True)
        batches = self._loader.epoch(state.epoch, first=state.batch, done=state.begun)
        try:
            while not ended:
                self._teller.begin(state.step + 1)
                batch = next(batches, None)
                if batch is None:
                    break
                with interruption.put_off():
                    ended = self._step(batch)
                self._run.progress(f"Training {self._name}", min(self._steps, round(state.done * self._steps)), self._steps)
                if time.monotonic() - self._kept > self._schedule.keep_every:
                    self.keep()
        finally:
            batches.close()
        whole = state.batch >= len(self._loader)
        last = whole and state.epoch + 1 >= self._schedule.epochs
        self._team.average([buffer for buffer in self._network.buffers() if buffer.is_floating_point()])
        if ended or last or (whole and (state.epoch + 1) % self._schedule.validate_every == 0):
            self._validate(interruption)
        with interruption.put_off():
            self._tell_epoch(self._clock.seconds() - began)
            ended = ended or ("all epochs" if last else self._out_of_patience() or self._stopped())
            if whole:
                state.epoch, state.batch, state.losses, state.begun = state.epoch + 1, 0, {}, state.done
            state.ended = ended
            self.keep()

    def _step(self, batch: Batch) -> str:
        """Learn from one batch; why training ends with it, or nothing."""
        state, steps = self.state, self._steps
        [state.done] = self._team.agree([self._clock.done((state.step + 1) / steps)])
        rate = self._schedule.rate_at(state.done, step=state.step, steps=steps)
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        losses, norm = self._learn(batch)
        skipped = not math.isfinite(norm)
        self._average.update(self._network)
        state.step, state.batch = state.step + 1, state.batch + 1
        for name, value in losses.items():
            state.losses[name] = state.losses.get(name, 0.0) + value
        self._teller.step(
            state.step,
            epoch=state.epoch + 1,
            batch=batch,
            losses=losses,
            rates={f"{group['factor']:g}": group["lr"] for group in self._optimiser.param_groups},
            gradient_norm=norm,
            skipped=skipped,
        )
        if state.done >= 1 and state.step < steps:
            return "time"
        return self._stopped()

    def _learn(self, batch: Batch) -> tuple[dict[str, float], float]:
        """Change the network by one batch; the losses, and the length of the gradient before it was clipped."""
        self._network.train()
        with self._teller.forward(), torch.autocast(self._device.type, dtype=self._half, enabled=self._half is not None):
            parts = self._learner.loss(batch.to(self._device))
        total = torch.stack(list(parts.values())).sum()
        losses = dict(zip([*parts, "loss"], torch.stack([*parts.values(), total]).detach().tolist(), strict=True))
        self._check(losses, batch)
        torch.autograd.backward(self._scaler.scale(total))
        self._scaler.unscale_(self._optimiser)
        self._share_gradients()
        self._teller.gradients()
        norm = float(nn.utils.clip_grad_norm_(self._parameters(), self._schedule.clip))
        if not self._scaler.is_enabled():  # which skips such steps by itself
            self._check({**losses, "length of the gradient": norm}, batch)
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._optimiser.zero_grad(set_to_none=True)
        return losses, norm

    def _parameters(self) -> list[nn.Parameter]:
        return [parameter for group in self._optimiser.param_groups for parameter in group["params"]]

    def _share_gradients(self) -> None:
        """Average the gradients over the team; a parameter that one process did not need has none there."""
        if self._team.size > 1:
            gradients = []
            for parameter in self._parameters():
                parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                gradients.append(parameter.grad)
            self._team.average(gradients)

    def _stopped(self) -> str:
        """Why the monitor of the first process wants to end, for all processes."""
        [wanted] = self._team.agree([float(self._teller.stop_wanted is not None)])
        return "stopped by a rule" if wanted else ""

    def _check(self, losses: Mapping[str, float], batch: Batch) -> None:
        """Stop on a loss that is no number, and say which and on what."""
        if all(math.isfinite(value) for value in losses.values()):
            return
        self._teller.broken(self.state.step + 1, epoch=self.state.epoch + 1, losses=losses)
        told = ", ".join(f"{name} {value:g}" for name, value in losses.items())
        files = ", ".join(str(self._loader.decoded.pictures[index].sample.path) for index in batch.indices[:4])
        raise TrainingError(
            f"The training of {self._name} came apart in step {self.state.step + 1} ({told}), on {files} and others;"
            f" look at these pictures and their places, or train with a rate below {self._schedule.rate:g}."
        )

    def _validate(self, interruption: Interruption) -> None:
        """Score the averaged network; the best so far is kept, of equals that with the lowest loss."""
        state, found = self.state, {"score": 0.0}
        if self._validation is None:
            return
        if self._team.rank == 0:
            began = time.monotonic()
            with torch.no_grad():
                found = self._learner.validate(self._average.network, self._validation)
            self._clock.validation = time.monotonic() - began
        with interruption.put_off():
            losses = (value for name, value in found.items() if name.startswith("loss"))
            score, loss = self._team.agree([found["score"], sum(losses)])
            if self._team.rank == 0:
                state.history.append({"epoch": state.epoch + 1, "step": state.step, **found})
            # a score of few pictures is often the same, 0 at first: then the loss says whether anything was learnt
            if state.best_score is None or (score, -loss) > (state.best_score, -state.best_loss):
                weights = self._average.network.state_dict()
                state.best = {name: value.detach().cpu().clone() for name, value in weights.items()}
                state.best_score, state.best_loss, state.best_epoch = score, loss, state.epoch + 1

    def _tell_epoch(self, seconds: float) -> None:
        state = self.state
        found = state.history[-1] if state.history and state.history[-1]["step"] == state.step else {}
        numbers = {name: value for name, value in found.items() if name not in ("epoch", "step")}
        self._teller.epoch(
            EpochFacts(
                epoch=state.epoch + 1,
                step=state.step,
                losses={name: value / max(1, state.batch) for name, value in state.losses.items()},
                validation={name: value for name, value in numbers.items() if name.startswith("loss")},
                scores={name: value for name, value in numbers.items() if not name.startswith("loss")},
                score=numbers.get("score"),
                best=bool(found) and state.best_epoch == state.epoch + 1,
                seconds=seconds,
            )
        )

    def _out_of_patience(self) -> str:
        patience, best = self._schedule.patience, self.state.best_epoch
        if patience is None or best is None:
            return ""
        return "no better score" if self.state.epoch + 1 - best >= patience * self._schedule.validate_every else ""

    def keep(self) -> None:
        """Write the checkpoint."""
        state = self.state
        state.seconds, self._kept = self._clock.seconds(), time.monotonic()
        if self._team.rank != 0:
            return
        state.network, state.average = self._network.state_dict(), self._average.network.state_dict()
        state.averaged = self._average.steps
        state.optimiser, state.scaler = self._optimiser.state_dict(), self._scaler.state_dict()
        state.random = [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if self._device.type == "cuda" else [])]
        write_checkpoint(self._path, state)

    def _resumed(self) -> State:
        """The state on disk, put into the network, or a fresh one."""
        key = f"{self._run.key} {self._name} {self._schedule} {len(self._loader)} {self._loader.batch}"
        state = read_checkpoint(self._path, key)
        torch.manual_seed(self._schedule.seed + self._team.rank)
        if state is None:
            self._team.share(list(self._network.state_dict().values()))
            self._average.network.load_state_dict(self._network.state_dict())
            return State(key=key)
        self._network.load_state_dict(state.network)
        self._average.network.load_state_dict(state.average)
        self._average.steps = state.averaged
        self._optimiser.load_state_dict(state.optimiser)
        self._scaler.load_state_dict(state.scaler)
        if self._team.rank == 0:
            torch.set_rng_state(state.random[0])
            if self._device.type == "cuda" and len(state.random) == 1 + torch.cuda.device_count():
                torch.cuda.set_rng_state_all(state.random[1:])
        return state

    def outcome(self) -> Outcome:
        """The best weights, and how they came about."""
        state, network = self.state, self._average.network
        if state.best is not None:
            network.load_state_dict(state.best)
        return Outcome(
            network=network.cpu().eval(),
            score=state.best_score,
            best_epoch=state.best_epoch,
            epochs=state.epoch + (state.batch > 0),
            steps=state.step,
            seconds=state.seconds,
            ended=state.ended,
            history=tuple(state.history),
        )


def _half_precision(device: torch.device, schedule: Schedule) -> torch.dtype | None:
    if device.type != "cuda" or schedule.precision == "full":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
