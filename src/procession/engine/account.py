"""What one attempt takes of memory and disk, beside what it may, and in which words it is told that it took more."""

from __future__ import annotations

from dataclasses import dataclass

from procession import disk
from procession.engine.isolation.contract import Limits
from procession.engine.isolation.holdings import Holdings, Observer
from procession.engine.isolation.limits import OWN_MEMORY_BYTES, OWN_THREADS, WARM_MEMORY_BYTES, size_text
from procession.engine.options import Quota

HIDES_LOOKS = 2  # it is not by chance
HIDDEN_LOOKS_MAX = 3  # a process that ends cannot be seen for a moment either
IN_FLIGHT_LOOKS_MAX = 8  # a descriptor that is sent arrives soon: its receiver may be short of time


@dataclass(slots=True, kw_only=True, eq=False)
class Account:
    """Of the processes below a keeper, and of their folder; the figures are those of the latest look."""

    keeper: int
    folder: str
    limits: Limits
    quota: Quota
    is_fresh: bool  # no step had its process before
    setting: str = "PROCESSION_STEP_MEMORY_BYTES_MAX"  # of the limit of memory; "" for none
    disk_bytes: int = 0
    memory_bytes: int = 0
    hidden_looks: int = 0
    in_flight_looks: int = 0

    @property
    def memory_bytes_max(self) -> int:
        limit = self.limits.memory_bytes_max
        return limit + OWN_MEMORY_BYTES + (0 if self.is_fresh else min(limit // 2, WARM_MEMORY_BYTES))

    @property
    def hides(self) -> bool:
        """It keeps something where it is not counted."""
        return max(self.hidden_looks, self.in_flight_looks) >= HIDES_LOOKS

    def look(self, observer: Observer) -> str | None:
        """Why it must end, if so. Raises OSError for a shortage: then nothing is known."""
        held = observer.look(self.keeper, memory_bytes_max=self.memory_bytes_max)
        self.memory_bytes = held.memory_bytes
        if held.memory_bytes > self.memory_bytes_max:
            return self._memory_reason(held)
        # Root's are in no limit of the kernel's, and it may have no other user to lend.
        if self.is_fresh and held.threads > self.limits.processes_max + OWN_THREADS:
            return f"had more than {self.limits.processes_max:,} processes and threads (PROCESSION_STEP_PROCESSES_MAX)"
        found = disk.taken(self.folder, files_max=self.quota.step_files_max)
        self.disk_bytes = found.size_bytes + held.nameless_bytes
        return self._disk_reason(found, held) or self._hiding_reason(found, held)

    def _memory_reason(self, held: Holdings) -> str:
        setting = f" ({self.setting})" if self.setting else ""
        return (
            f"used more than {size_text(self.limits.memory_bytes_max)} of memory: {size_text(held.memory_bytes)}, all "
            f"its processes, files in memory and buffers together{setting}"
        )

    def _disk_reason(self, found: disk.FolderSize, held: Holdings) -> str | None:
        if found.is_too_deep:
            return f"nested folders more than {disk.DEPTH_MAX} deep"
        if found.files + held.nameless_files > self.quota.step_files_max:
            return f"made more than {self.quota.step_files_max:,} files and folders (PROCESSION_STEP_FILES_MAX)"
        if self.disk_bytes > self.quota.step_bytes_max:
            return (
                f"used more than {size_text(self.quota.step_bytes_max)} of disk: {size_text(self.disk_bytes)} "
                "(PROCESSION_STEP_DISK_BYTES_MAX)"
            )
        return None

    def _hiding_reason(self, found: disk.FolderSize, held: Holdings) -> str | None:
        is_hidden = bool(held.hidden) or found.has_hidden
        self.hidden_looks = self.hidden_looks + 1 if is_hidden else 0
        self.in_flight_looks = self.in_flight_looks + 1 if held.is_in_flight else 0
        if self.hidden_looks >= HIDDEN_LOOKS_MAX:
            return "hid from the server what its processes hold, so that its limits cannot be kept"
        if self.in_flight_looks >= IN_FLIGHT_LOOKS_MAX:
            return "kept files that it sent from process to process where the server cannot see what they hold"
        return None
