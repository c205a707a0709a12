-- Changes whenever what a proof of a caller rests on does, whoever changes it: what was proved before is asked again.
-- A random value, not a number counted up: what is rolled back never comes again.

CREATE TABLE proof_state (
    state INTEGER NOT NULL
) STRICT;

INSERT INTO proof_state VALUES (random());

CREATE TRIGGER proof_state_token_changed AFTER UPDATE ON token
BEGIN
    UPDATE proof_state SET state = random();
END;

CREATE TRIGGER proof_state_token_deleted AFTER DELETE ON token
BEGIN
    UPDATE proof_state SET state = random();
END;

CREATE TRIGGER proof_state_user_changed AFTER UPDATE ON user_account
BEGIN
    UPDATE proof_state SET state = random();
END;

CREATE TRIGGER proof_state_user_deleted AFTER DELETE ON user_account
BEGIN
    UPDATE proof_state SET state = random();
END;
