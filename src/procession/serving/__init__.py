"""The composition root: the only place that builds, connects, starts and stops everything."""
