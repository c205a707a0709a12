"""Processes in which steps run: forked in advance, limited, and gone with all their descendants when they must be."""

from procession.engine.isolation.options import IsolationSettings
from procession.engine.isolation.pool import ForkServerIsolation

__all__ = ["ForkServerIsolation", "IsolationSettings"]
