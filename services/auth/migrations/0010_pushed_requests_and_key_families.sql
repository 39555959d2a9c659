-- RFC 9126: a request that its client handed over itself, until the browser comes with its name.
CREATE TABLE pushed_requests (
    uri_hash    bytea PRIMARY KEY,
    client_id   text NOT NULL,
    parameters  jsonb NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX pushed_requests_by_expiry ON pushed_requests (expires_at);
GRANT SELECT, INSERT, DELETE ON pushed_requests TO :app;

-- A key of the family RSA is made only for clients that the previous release cannot register.
ALTER TABLE signing_keys
    ADD COLUMN family text NOT NULL DEFAULT 'EC',
    ADD CONSTRAINT key_family_is_known CHECK (family IN ('EC', 'RSA'));
