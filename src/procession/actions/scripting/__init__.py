"""run_python: settings, the names that a script runs with, and managed tables for it."""
