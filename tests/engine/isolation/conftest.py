"""The fixtures of the isolation tests."""

from tests.engine.isolation.house import house, own_house, shared, shared_trees

__all__ = ["house", "own_house", "shared", "shared_trees"]
