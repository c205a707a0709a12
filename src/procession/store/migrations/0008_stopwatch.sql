-- How long runs and steps take is counted by a clock that nobody sets, from parts that are stored.

ALTER TABLE run ADD COLUMN worked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN beat INTEGER;
ALTER TABLE run ADD COLUMN worked_max INTEGER;
ALTER TABLE step ADD COLUMN began INTEGER;

-- A run under way was seen alive for the last time when its lease of 30 s was renewed.
UPDATE run SET worked = coalesce(duration, max(lease_until - 30000000 - started_at, 0), 0);
UPDATE run SET worked_max = worked + max(deadline_at - lease_until + 30000000, 0) WHERE status = 'Running';

ALTER TABLE run DROP COLUMN lease_until;
ALTER TABLE run DROP COLUMN deadline_at;
