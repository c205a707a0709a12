"""archive: files into a zip, and out of one."""
