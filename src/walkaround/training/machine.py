"""How busy the machine is with this training: processor, memory, accelerator."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

from walkaround.training.rules.history import Usage

SECONDS = 0.5
"""Between two looks, as the service's profiler has it."""

_LOG = logging.getLogger(__name__)


class Machine:
    """Looks at what this process takes of the machine; `close` it."""

    def __init__(self, *, cores: int, accelerator: bool) -> None:
        """Begin to look.

        Args:
            cores: that the training may use.
            accelerator: ask `nvidia-smi`, where it is installed, how busy the GPU is.
        """
        self._cores = max(1, cores)
        self._then, self._spent = time.monotonic(), time.process_time()
        self._memory = _memory_size()
        program = shutil.which("nvidia-smi") if accelerator else None
        self._gpu = None if program is None else _Gpu(program)

    def usage(self) -> Usage | None:
        """What was taken since the last look; None when that was a moment ago."""
        now = time.monotonic()
        passed = now - self._then
        if passed < SECONDS:
            return None
        spent = time.process_time()
        cpu = 100 * (spent - self._spent) / (passed * self._cores)
        self._then, self._spent = now, spent
        gpu, gpu_memory = self._gpu.latest if self._gpu is not None else (None, None)
        return Usage(cpu=min(100.0, cpu), memory=100 * _resident() / self._memory, gpu=gpu, gpu_memory=gpu_memory)

    def close(self) -> None:
        """Look no more."""
        if self._gpu is not None:
            self._gpu.close()


class _Gpu:
    """What `nvidia-smi` tells every second of the first GPU, in per cent: of its time and of its memory."""

    def __init__(self, program: str) -> None:
        self.latest: tuple[float | None, float | None] = (None, None)
        query = "--query-gpu=utilization.gpu,memory.used,memory.total"
        self._child = subprocess.Popen(  # noqa: S603 - found on the path, nothing of it is a stranger's
            [program, query, "--format=csv,noheader,nounits", "--loop=1", "--id=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, name="gpu usage", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        for line in self._child.stdout or ():
            try:
                busy, used, total = (float(part) for part in line.split(","))
            except ValueError:  # "[N/A]": this GPU does not tell
                continue
            self.latest = (busy, 100 * used / total if total else None)

    def close(self) -> None:
        self._child.terminate()
        self._child.wait()
        self._listener.join()
        if self._child.stdout is not None:
            self._child.stdout.close()


def _memory_size() -> int:
    """Bytes of memory that this process may use at most."""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 1 << 40
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text(encoding="ascii").strip() if limit.is_file() else "max"
    return min(size, int(text)) if text.isdigit() else size


def _resident() -> int:
    """Bytes of memory that this process takes now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
