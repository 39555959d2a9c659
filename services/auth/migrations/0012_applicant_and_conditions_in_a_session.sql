-- For whom a session acts when not for its code's own applicant, and under which power. The code says which stages
-- there are: each release adds some.
ALTER TABLE sessions
    DROP CONSTRAINT IF EXISTS stage_is_known,
    ADD CONSTRAINT stage_has_a_name CHECK (stage ~ '^[a-z][a-z-]{0,39}$'),
    ADD COLUMN represented_applicant_id  uuid,
    ADD COLUMN power_of_attorney_id      uuid,
    ADD CONSTRAINT who_is_represented_gave_a_power
        CHECK ((represented_applicant_id IS NULL) = (power_of_attorney_id IS NULL)),
    ADD CONSTRAINT only_a_person_represents_and_never_in_recourse
        CHECK (power_of_attorney_id IS NULL OR (user_code_id IS NOT NULL AND NOT is_recourse));
GRANT UPDATE (conditions, represented_applicant_id, power_of_attorney_id) ON sessions TO :app;

-- A request that the named session may answer by choosing for whom it acts: a request that asks for a fresh sign-in
-- has no such row.
CREATE TABLE applicant_choices (
    request_hash  bytea PRIMARY KEY,
    session_id    uuid NOT NULL,
    expires_at    timestamptz NOT NULL
);
CREATE INDEX applicant_choices_by_expiry ON applicant_choices (expires_at);
GRANT SELECT, INSERT, DELETE ON applicant_choices TO :app;
