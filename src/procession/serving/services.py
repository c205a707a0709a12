"""The services of a running server: started in order, stopped in reverse, each within its deadline."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`start` is None for what works from the moment it is made; `stop` gets `seconds_max`."""

    name: str
    start: Callable[[], object] | None = None
    stop: Callable[[], object]
    seconds_max: float


class Services:
    """The one list of started services."""

    def __init__(self) -> None:
        self._services: list[Service] = []

    def start(self, service: Service) -> None:
        """Raises what its start raises; then it is not in the list."""
        if service.start is not None:
            service.start()
        self._services.append(service)

    # From the last to the first: what was started later may use what was started before.
    def stop(self) -> list[str]:
        """Stops all, the last one first; returns the names of those that did not stop."""
        # Taken away first: a second call, by a second signal, must find nothing to stop.
        services, self._services = self._services, []
        return [service.name for service in reversed(services) if not _stop(service)]


def _stop(service: Service) -> bool:
    done = threading.Event()
    # A daemon, so that what hangs cannot keep alive a process that was told to end.
    thread = threading.Thread(target=_call, args=(service, done), name=f"stop {service.name}", daemon=True)
    thread.start()
    thread.join(service.seconds_max)
    if thread.is_alive():
        log.error(
            "a part of the server did not stop in time", extra={"part": service.name, "seconds": service.seconds_max}
        )
    return done.is_set()


def _call(service: Service, done: threading.Event) -> None:
    try:
        service.stop()
        done.set()
    except Exception:
        # The others must be stopped all the same.
        log.exception("a part of the server failed to stop", extra={"part": service.name})
