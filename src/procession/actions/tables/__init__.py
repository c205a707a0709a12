"""Jobs about tables, which the sandboxed child does for requests: `jobs` knows them all, `contract` what they take.

The server imports `contract` alone: nothing of what reads files or writes rows is in its memory.
"""
