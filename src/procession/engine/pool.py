"""Threads for blocking work of the engine: publishing files, ending processes."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from procession.shortages import is_shortage

log = logging.getLogger(__name__)

Job = Callable[[], object]


class Pool:
    """Passes a job that met a shortage to `again`, which resubmits it soon.

    Starts with one thread; works with fewer if another cannot be started.
    """

    def __init__(self, threads_max: int, again: Callable[[Job], None]) -> None:
        self._threads_max = threads_max
        self._again = again
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self._start_thread()

    def submit(self, job: Job) -> None:
        """Never raises; called by one thread only."""
        self._jobs.put(job)
        # Counted down here, not by the thread that takes the job: two jobs in a row must not count on the same one.
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._threads_max:
            try:
                self._start_thread()
            except RuntimeError:
                log.warning("no further thread can be started")

    def close(self) -> None:
        """Returns once all submitted jobs are done."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"attempt_{len(self._threads)}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _work(self) -> None:
        self._idle.release()
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception as error:  # the pool's arm: nobody else would hear of it
                if is_shortage(error):
                    self._again(job)
                else:
                    log.exception("the engine stumbled in its pool")
            self._idle.release()
