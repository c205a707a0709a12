"""What Procession reaches, measured: one file a work of DESIGN.md's table, each beside a floor of the same run."""
