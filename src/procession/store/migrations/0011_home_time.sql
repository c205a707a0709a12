-- How much time a home has lived: tokens end by it, whoever sets the wall clock. The first server writes the row.

CREATE TABLE home_time (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    least INTEGER NOT NULL,
    most INTEGER NOT NULL,
    wall INTEGER NOT NULL,
    since_boot INTEGER NOT NULL,
    boot TEXT NOT NULL
) STRICT;

-- Names are compared as the statements compare them, in every database.
DROP INDEX managed_table_by_name;
CREATE UNIQUE INDEX managed_table_by_name ON managed_table (lower(name)) WHERE is_deleted = 0;
