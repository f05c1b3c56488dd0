"""A Ray cluster to work on: joined where there is one, else a small one of our own that ends with the work."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from walkaround.errors import InputError
from walkaround.training.interrupts import Interrupts, kept_signals, undisturbed
from walkaround.training.ray_processes import end_processes, processes_of

_OBJECT_STORE = 160 << 20
"""Bytes: what Ray wants at least; a package, and the numbers of shards."""
_CONNECT = 5.0  # seconds
_LEAVE = 5.0  # seconds


@contextmanager
def ray_cluster(address: str | None, *, cores: int) -> Iterator[Interrupts]:
    """Be connected to the Ray cluster at an address, "auto" for the one of this machine, or to one of our own.

    Of one of our own no process stays. Ctrl-C and SIGTERM are a KeyboardInterrupt meanwhile, once Ray has started. Ray can lose
    one: ask what this gives now and then.

    Args:
        address: HOST:PORT of the cluster's head; None for a cluster of our own, in this machine alone.
        cores: of our own cluster.

    Raises:
        InputError: there is no cluster.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"  # what Ray will do anyway, and warns of until it does

    for name in ("ray", "ray.data", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    interrupts = Interrupts()
    own = tempfile.mkdtemp(prefix="walkaround-ray-") if address is None else None  # short: it is a part of sockets' names
    with kept_signals():
        interrupts.note()
        try:
            with _without_its_handler():
                _start(address, cores=cores, folder=own)
            interrupts.listen()
            interrupts.check()
            yield interrupts
        finally:
            with undisturbed():
                _leave(own)


@contextmanager
def _without_its_handler() -> Iterator[None]:
    """Keep Ray from handling SIGTERM while it starts.

    Its handler raises SystemExit wherever the main thread just is, which has left a lock of `logging` taken for ever.
    """
    from ray._private import utils

    own = utils.set_sigterm_handler
    utils.set_sigterm_handler = lambda _: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = own


def _start(address: str | None, *, cores: int, folder: str | None) -> None:
    """Join a cluster, or begin one whose files are in a folder."""
    import ray

    if address is not None:
        _join(address)
        return
    ray.init(
        address="local",
        num_cpus=cores,
        object_store_memory=_OBJECT_STORE,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.CRITICAL,
        _temp_dir=folder,
    )


def _leave(own: str | None) -> None:
    """End the connection and, of a cluster of our own, all of its processes."""
    import ray

    processes = set() if own is None else processes_of(own)
    try:
        ray.shutdown()
    finally:
        if own is not None:
            end_processes(processes, patience=_LEAVE)
            shutil.rmtree(own, ignore_errors=True)


def _join(address: str) -> None:
    import ray

    if address.startswith("ray://"):
        raise InputError(f"{address!r} is for Ray's client: run this on a node of the cluster, with --ray HOST:PORT or auto.")
    try:
        host, colon, port = address.rpartition(":")
        if colon and port.isdigit():  # Ray itself would try for minutes
            socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT).close()
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (OSError, ValueError, RuntimeError) as problem:
        reason = str(problem).partition("\n")[0].rstrip(".")
        raise InputError(f"There is no Ray cluster at {address!r} ({reason}): start one with `ray start --head`.") from problem
