"""SQL of process files: parsed and checked before a process is applied, its mistakes in words."""
