-- Figures of an attempt at a step, exact numbers by name: {"rows_in.ledger": "42", "total": "12.50"}.
ALTER TABLE step_attempt ADD COLUMN figures TEXT NOT NULL DEFAULT '{}';
