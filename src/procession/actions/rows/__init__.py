"""What the actions share that take rows and give rows: their sources, expressions, macros and results."""
