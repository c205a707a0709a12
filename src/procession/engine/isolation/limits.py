"""The limits of one attempt (rlimits), and in which words a user reads that one was reached."""

from __future__ import annotations

import math
import os
import resource
import signal

from procession.engine.isolation import processes
from procession.engine.isolation.contract import Limits

_PAGE_BYTES = resource.getpagesize()
# What the C library and DuckDB reserve for threads without using it; user code has one arena (linux.share_one_arena).
_THREADS_BYTES = 192 * 2**20

# Of a worker, beside what its step takes, where all is counted together.
OWN_THREADS = 8  # of the worker, besides those of its step
OWN_MEMORY_BYTES = 64 * 2**20  # a process has before its step takes anything
WARM_MEMORY_BYTES = 2**30  # the most that one which is used again has left over of earlier steps, or half its limit


def apply(limits: Limits, *, for_good: bool) -> None:
    """Set the limits of this process, beyond what it has used so far.

    Memory is address space (RLIMIT_AS): the one limit that makes an allocation fail in time, so that Python raises
    MemoryError instead of the machine running out. What the interpreter and its libraries map is not counted. It holds
    for each process of a step, not for their sum. `for_good` sets the hard limits too, for user code.
    """
    apply_memory(limits, for_good=for_good)
    _set(resource.RLIMIT_CORE, 0, for_good=for_good)
    _set(resource.RLIMIT_FSIZE, limits.file_bytes_max, for_good=for_good)
    _set(resource.RLIMIT_NOFILE, limits.open_files_max, for_good=for_good)
    _set(resource.RLIMIT_CPU, _cpu_limit(limits), for_good=for_good)


def apply_memory(limits: Limits, *, for_good: bool) -> None:
    """Set the limit that depends on what is mapped by now: each job of a warm process maps more."""
    reserve_bytes = 0 if for_good else _THREADS_BYTES
    _set(resource.RLIMIT_AS, _mapped_bytes() + reserve_bytes + limits.memory_bytes_max, for_good=for_good)


def apply_processes(limits: Limits, *, counted_alone: bool) -> None:
    """At most so many processes and threads. The kernel counts by user: elsewhere those of others are added first."""
    others = 0 if counted_alone else processes.count_of_user(os.getuid())
    _set(resource.RLIMIT_NPROC, limits.processes_max + others, for_good=True)


def look() -> None:
    """Read what apply() reads, and change nothing."""
    _mapped_bytes()
    resource.getrlimit(resource.RLIMIT_AS)
    resource.getrusage(resource.RUSAGE_SELF)


def is_worn(limits: Limits) -> bool:
    """Whether a process has come near the limit, so that the next step should have a fresh one."""
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return peak_bytes > min(limits.memory_bytes_max // 2, 2**30)


def memory_reason(limits: Limits) -> str:
    return f"used more than {size_text(limits.memory_bytes_max)} of memory"


def exit_reason(status: int, *, limits: Limits | None, cpu_seconds: float) -> str:
    """Why a process ended without an outcome, from its wait status."""
    if os.WIFEXITED(status):
        return f"the process ended itself with exit code {os.WEXITSTATUS(status)} before the step was done"
    number = os.WTERMSIG(status)
    cpu_limit = limits.cpu_seconds_max if limits else None
    by_cpu = cpu_limit is not None and cpu_seconds >= cpu_limit - 0.5
    if number == signal.SIGXCPU or (number == signal.SIGKILL and by_cpu):
        return f"used more than {cpu_limit} {'second' if cpu_limit == 1 else 'seconds'} of processor time"
    if number == signal.SIGKILL:
        return "was killed by signal 9, most likely because the machine ran out of memory"
    try:
        return f"was killed by signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"was killed by signal {number}"


def _cpu_limit(limits: Limits) -> int:
    if limits.cpu_seconds_max is None:
        return resource.RLIM_INFINITY
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return math.ceil(usage.ru_utime + usage.ru_stime) + limits.cpu_seconds_max


def _set(kind: int, value: int, *, for_good: bool) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY and (value == resource.RLIM_INFINITY or value > hard):
        value = hard
    resource.setrlimit(kind, (value, value if for_good else hard))


def _mapped_bytes() -> int:
    handle = os.open("/proc/self/statm", os.O_RDONLY)  # once a step: a file object asks the kernel eight times
    try:
        return int(os.read(handle, 256).split()[0]) * _PAGE_BYTES
    finally:
        os.close(handle)


def size_text(size_bytes: int) -> str:
    """In the words of messages: 1.5 GB."""
    for unit, name in ((2**30, "GB"), (2**20, "MB"), (2**10, "KB")):
        if size_bytes >= unit:
            return f"{size_bytes / unit:.3g} {name}"
    return f"{size_bytes} bytes"
