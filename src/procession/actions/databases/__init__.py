"""Databases of others: what read_database and write_database share, and a module for each way to reach one."""
