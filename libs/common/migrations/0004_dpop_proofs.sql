-- RFC 9449: proofs that were used, by a hash of key and jti, for as long as they could be shown again.
CREATE TABLE dpop_proofs (
    use_hash    bytea PRIMARY KEY,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX dpop_proofs_by_expiry ON dpop_proofs (expires_at);
GRANT SELECT, INSERT, DELETE ON dpop_proofs TO :app;
