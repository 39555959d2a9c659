-- RFC 9449 §10: the key that a code is for. RFC 9449 §5, RFC 8705 §4: by what the tokens of a grant are bound, so
-- that a refresh gives no bearer token for it.
ALTER TABLE authorization_requests ADD COLUMN dpop_jkt text;
ALTER TABLE authorization_codes ADD COLUMN dpop_jkt text;
ALTER TABLE token_grants
    ADD COLUMN bound_by text,
    ADD CONSTRAINT binding_is_known CHECK (bound_by IN ('key', 'certificate'));
