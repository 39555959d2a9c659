-- Sessions that ended long ago go. The last use of each code stays, without address and browser: disuse rests on it.
ALTER TABLE sessions ADD COLUMN is_last_use boolean NOT NULL DEFAULT false;
ALTER TABLE sessions ADD CONSTRAINT a_last_use_tells_no_place
    CHECK (NOT is_last_use OR (address IS NULL AND user_agent IS NULL AND ended_at IS NOT NULL)) NOT VALID;
GRANT DELETE, UPDATE (address, user_agent, is_last_use) ON sessions TO :app;
CREATE INDEX sessions_to_forget ON sessions (ended_at)
    WHERE ended_at IS NOT NULL AND stage = 'complete' AND NOT is_last_use;
CREATE INDEX sessions_never_completed ON sessions (ended_at) WHERE ended_at IS NOT NULL AND stage <> 'complete';
