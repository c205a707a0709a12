"""Procession: an open, self-hosted process-automation server that speaks SolveXia's public API."""

__version__ = "0.1.0"
