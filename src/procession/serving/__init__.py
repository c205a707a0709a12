"""The composition root: the only place that builds the parts, connects them, starts and stops them."""
