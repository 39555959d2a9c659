-- A pushed request serves until it is answered: of all that waits for one, the latest waits in place of the others.
ALTER TABLE authorization_requests ADD COLUMN pushed_hash bytea;
CREATE UNIQUE INDEX authorization_requests_by_name ON authorization_requests (pushed_hash);
GRANT UPDATE (secret_hash, expires_at, language) ON authorization_requests TO :app;
