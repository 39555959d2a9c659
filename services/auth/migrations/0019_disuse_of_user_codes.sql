-- When the sweep looks at a code again, and how many warnings it has given since the code was last used.
ALTER TABLE user_codes
    ADD COLUMN disuse_due_at timestamptz NOT NULL DEFAULT '1970-01-01T00:00:00Z',
    ADD COLUMN disuse_warnings integer NOT NULL DEFAULT 0;
GRANT UPDATE (disuse_due_at, disuse_warnings) ON user_codes TO :app;
CREATE INDEX user_codes_by_disuse ON user_codes (disuse_due_at) WHERE state = 'active';
