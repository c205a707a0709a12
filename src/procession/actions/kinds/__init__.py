"""The kinds of action steps, one file each."""
