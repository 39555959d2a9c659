-- What a waiting request was answered with, for as long as it might have waited: a form may be sent twice.
-- form_mark is keyed with the secret that the browser alone has, so it tells nothing of what was typed.
CREATE TABLE answered_requests (
    secret_hash       bytea PRIMARY KEY,
    client_id         text NOT NULL,
    redirect_uri      text NOT NULL,
    scope             text[] NOT NULL,
    resources         text[] NOT NULL,
    state             text,
    nonce             text,
    code_challenge    text NOT NULL,
    language          text NOT NULL,
    login_hint        text,
    required_acr      text,
    required_subject  text,
    dpop_jkt          text,
    asks_consent      boolean NOT NULL,
    expires_at        timestamptz NOT NULL,
    session_id        uuid NOT NULL,
    code_hash         bytea NOT NULL,
    form_mark         bytea,
    session_brought   bytea
);
CREATE INDEX answered_requests_by_expiry ON answered_requests (expires_at);
GRANT SELECT, INSERT, DELETE, UPDATE (code_hash, form_mark) ON answered_requests TO :app;
