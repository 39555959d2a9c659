-- From where a session was opened; sessions of the previous release do not tell.
ALTER TABLE sessions
    ADD COLUMN started_at  timestamptz,
    ADD COLUMN address     text,
    ADD COLUMN user_agent  text;
CREATE INDEX sessions_by_applicant ON sessions (applicant_id) WHERE ended_at IS NULL;

CREATE INDEX token_grants_by_session ON token_grants (session_id, client_id);

-- Which client is still to be told that a session ended; written when it ends, kept some days after it was told.
CREATE TABLE logout_deliveries (
    session_id       uuid NOT NULL,
    client_id        text NOT NULL,
    ended_at         timestamptz NOT NULL,
    attempts         integer NOT NULL DEFAULT 0,
    next_attempt_at  timestamptz NOT NULL,
    delivered_at     timestamptz,
    given_up_at      timestamptz,
    PRIMARY KEY (session_id, client_id),
    CONSTRAINT what_was_delivered_is_not_given_up CHECK (delivered_at IS NULL OR given_up_at IS NULL)
);
CREATE INDEX logout_deliveries_due ON logout_deliveries (client_id, next_attempt_at)
    WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX logout_deliveries_by_age ON logout_deliveries (ended_at);
GRANT SELECT, INSERT, DELETE ON logout_deliveries TO :app;
GRANT UPDATE (attempts, next_attempt_at, delivered_at, given_up_at) ON logout_deliveries TO :app;
