-- Whoever disables a client ends all that it was granted by one row: grants of an earlier epoch are good no more.
ALTER TABLE clients ADD COLUMN grant_epoch integer NOT NULL DEFAULT 0;
GRANT UPDATE (grant_epoch) ON clients TO :app;
ALTER TABLE token_grants ADD COLUMN client_epoch integer NOT NULL DEFAULT 0;
CREATE INDEX authorization_codes_unredeemed ON authorization_codes (client_id) WHERE used_at IS NULL;
