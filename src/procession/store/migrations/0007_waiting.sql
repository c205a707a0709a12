-- The runs that wait, by who started them and of what: the next one is found by its index.

DROP INDEX run_unfinished;
CREATE INDEX run_waiting ON run (started_by, process_id, scheduled_at, id) WHERE status = 'Scheduled';
CREATE INDEX run_running ON run (id) WHERE status = 'Running';
