"""join: columns of another file beside the rows of one, by keys."""
