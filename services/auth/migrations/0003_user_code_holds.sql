-- A code is suspended while any of its holds is in force. `grounds` are confidential: shown to deciders and auditors.
CREATE TABLE user_code_holds (
    id            uuid PRIMARY KEY,
    user_code_id  uuid NOT NULL REFERENCES user_codes,
    side          text NOT NULL,
    reason_code   text NOT NULL,
    grounds       text NOT NULL,
    salt          bytea NOT NULL,
    placed_by     text NOT NULL,
    placed_at     timestamptz NOT NULL,
    released_by   text,
    released_at   timestamptz,
    CONSTRAINT side_is_known CHECK (side IN ('applicant', 'provider', 'department', 'system')),
    CONSTRAINT a_release_has_its_author CHECK ((released_at IS NULL) = (released_by IS NULL))
);
CREATE INDEX user_code_holds_by_code ON user_code_holds (user_code_id, placed_at, id);
GRANT SELECT, INSERT, UPDATE (released_by, released_at) ON user_code_holds TO :app;

ALTER TABLE user_codes ADD COLUMN revoked_at timestamptz;
GRANT UPDATE (revoked_at) ON user_codes TO :app;

-- A password that was reset is a one-time one again, though the code was used before.
ALTER TABLE user_codes DROP CONSTRAINT a_used_code_has_a_chosen_password;
ALTER TABLE user_codes ADD CONSTRAINT a_chosen_password_was_used
    CHECK (password_is_one_time OR first_used_at IS NOT NULL);

-- Opening a session locks its code against whoever suspends, revokes or resets it at the same moment.
CREATE INDEX sessions_of_user_code ON sessions (user_code_id) WHERE user_code_id IS NOT NULL;
ALTER TABLE sessions ADD CONSTRAINT a_session_is_of_a_code_that_exists
    FOREIGN KEY (user_code_id) REFERENCES user_codes NOT VALID;

CREATE INDEX registrations_cancelled ON registrations (changed_at) WHERE state = 'cancelled';
