-- The bytes of a session's chunks, written with them: to add up a hundred thousand rows for each chunk takes the square.

ALTER TABLE upload_session ADD COLUMN size INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0);

UPDATE upload_session SET size =
    (SELECT coalesce(sum(upload_chunk.size), 0) FROM upload_chunk WHERE upload_chunk.session_id = upload_session.id);
