"""transform: rows through ordered steps, each of which does one thing."""
