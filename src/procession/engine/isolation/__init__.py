"""Processes in which steps run: forked in advance, limited, and gone with all their descendants when they must be."""
