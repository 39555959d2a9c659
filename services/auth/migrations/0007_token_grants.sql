-- What a redeemed code gave: the family of its access and refresh tokens. Refresh tokens stand here as hashes.
CREATE TABLE token_grants (
    id          uuid PRIMARY KEY,
    client_id   text NOT NULL,
    session_id  uuid NOT NULL,
    scope       text[] NOT NULL,
    resources   text[] NOT NULL,
    code_hash   bytea NOT NULL,
    given_at    timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    reason      text,
    CONSTRAINT a_code_gives_once UNIQUE (code_hash),
    CONSTRAINT a_revoked_grant_has_its_reason CHECK ((revoked_at IS NULL) = (reason IS NULL))
);
CREATE INDEX token_grants_by_expiry ON token_grants (expires_at);
GRANT SELECT, INSERT, DELETE ON token_grants TO :app;
GRANT UPDATE (revoked_at, reason) ON token_grants TO :app;

CREATE TABLE refresh_tokens (
    token_hash  bytea PRIMARY KEY,
    grant_id    uuid NOT NULL,
    given_at    timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz
);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);
GRANT SELECT, INSERT, DELETE ON refresh_tokens TO :app;
GRANT UPDATE (used_at) ON refresh_tokens TO :app;
