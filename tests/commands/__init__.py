"""Commands that look at a home and keep it."""
