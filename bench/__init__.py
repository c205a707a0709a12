"""What Procession reaches, measured: one file a work of docs/figures.md, each beside a floor of the same run."""
