"""The service that does outside what steps have asked for once their ends are on disk."""

from __future__ import annotations

from functools import partial

from procession.engine.isolation.options import IsolationSettings
from procession.engine.options import EngineResources, EngineSettings
from procession.engine.table_workers import TableWorkers, reaching_settings
from procession.home import Home
from procession.loops import TickLoop
from procession.operations.follow_up_lanes import LANES
from procession.operations.follow_ups import REST_SECONDS, FollowUps
from procession.operations.resources import Resources
from procession.serving.services import Service

TICK_SECONDS_MAX = 1.0  # for the tick under way, once its process is gone
STOP_SECONDS_MAX = 5.0


def workers(home: Home, bounds: IsolationSettings, settings: EngineSettings) -> TableWorkers:
    """Nothing is started before the first follow-up."""
    return TableWorkers(home.work / "follow-ups", reaching_settings(bounds), settings.quota)


def service(engine_resources: EngineResources, resources: Resources) -> Service:
    follower = _follower(engine_resources, resources)
    loops = [
        TickLoop(f"follow-ups {lane}", partial(follower.tick, lane), rest_seconds=REST_SECONDS) for lane in range(LANES)
    ]

    def start() -> None:
        follower.start()
        for loop in loops:
            loop.start()

    def stop() -> None:
        # No other tick may begin a process behind those that are ended here.
        for loop in loops:
            loop.stop(deadline_seconds=0)
        follower.close()
        for loop in loops:
            loop.stop(deadline_seconds=TICK_SECONDS_MAX)

    return Service(name="follow-ups", start=start, stop=stop, seconds_max=STOP_SECONDS_MAX)


def _follower(engine_resources: EngineResources, resources: Resources) -> FollowUps:
    assert engine_resources.connections is not None
    assert resources.followers is not None
    return FollowUps(
        database=engine_resources.database,
        actions=resources.actions,
        connections=engine_resources.connections,
        workers=resources.followers,
        clock=engine_resources.clock.now,
        monotonic=engine_resources.clock.monotonic,
        ring=engine_resources.announcements.ring,
        limits=engine_resources.settings.limits,
    )
