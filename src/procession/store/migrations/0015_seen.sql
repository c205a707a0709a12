-- Which runs a person still has to look at, why they ended as they did, and what makes lists of many runs quick.

ALTER TABLE run ADD COLUMN needs_person INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN inputs_sha256 TEXT;
ALTER TABLE run ADD COLUMN problem_step INTEGER;
ALTER TABLE run ADD COLUMN problem TEXT;

CREATE INDEX run_unsolved ON run (process_id, id, outcome, started_by) WHERE needs_person = 1;
CREATE INDEX run_by_status ON run (process_id, status, outcome, id, started_by) WHERE version > 0;
CREATE INDEX run_by_creation ON run (created_at);
CREATE INDEX run_by_end ON run (process_id, status, outcome, finished_at) WHERE finished_at IS NOT NULL AND version > 0;

UPDATE run SET problem_step = (
    SELECT s.id FROM step s WHERE s.run_id = run.id AND s.is_retired = 0 AND s.enabled = 1
    AND s.status = CASE run.outcome WHEN 'Warning' THEN 'Warning' ELSE 'Failed' END ORDER BY s.position LIMIT 1)
WHERE outcome IN ('Failed', 'Warning') OR status = 'TimedOut';

UPDATE run SET problem = (SELECT substr(s.message, 1, 1000) FROM step s WHERE s.id = run.problem_step)
WHERE problem_step IS NOT NULL;

UPDATE run SET inputs_sha256 = (
    SELECT json_extract(h.detail, '$.inputsSha256') FROM history h WHERE h.run_id = run.id AND h.kind = 'started' LIMIT 1)
WHERE attempt > 0;

-- Of what ended before there was such a list, only what came last of each process: nobody wants the failures of years.
UPDATE run SET needs_person = 1
WHERE (outcome IN ('Failed', 'Warning') OR status = 'TimedOut') AND is_held = 0 AND version > 0
AND id = (SELECT max(n.id) FROM run n WHERE n.process_id = run.process_id AND n.status <> 'NotStarted');
