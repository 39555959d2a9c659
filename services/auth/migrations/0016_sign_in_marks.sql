-- By what a code's completed sign-ins are known again, as keyed digests: neither address nor browser is kept here.
CREATE TABLE sign_in_marks (
    user_code_id  uuid NOT NULL,
    kind          text NOT NULL,
    mark          bytea NOT NULL,
    last_at       timestamptz NOT NULL,
    CONSTRAINT a_mark_stands_once_for_its_code PRIMARY KEY (user_code_id, kind, mark),
    CONSTRAINT mark_kind_is_known CHECK (kind IN ('network', 'browser', 'told'))
);
CREATE INDEX sign_in_marks_by_age ON sign_in_marks (last_at);
GRANT SELECT, INSERT, UPDATE (last_at), DELETE ON sign_in_marks TO :app;
