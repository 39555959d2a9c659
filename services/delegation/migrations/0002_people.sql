CREATE TABLE persons_in_charge (
    id             uuid PRIMARY KEY,
    applicant_id   uuid NOT NULL,
    user_code_id   uuid NOT NULL,
    given_name     text NOT NULL,
    family_name    text NOT NULL,
    language       text NOT NULL,
    email          text NOT NULL,
    designated_at  timestamptz NOT NULL,
    activated_at   timestamptz,
    CONSTRAINT a_user_code_is_of_one_person_in_charge UNIQUE (user_code_id),
    CONSTRAINT language_is_french_or_english CHECK (language IN ('fr', 'en'))
);
CREATE INDEX persons_in_charge_by_applicant ON persons_in_charge (applicant_id);
-- A clearance may be known before its person.
CREATE TABLE clearances (
    person_id     uuid PRIMARY KEY,
    applicant_id  uuid NOT NULL,
    user_code_id  uuid NOT NULL,
    cleared_at    timestamptz NOT NULL
);
CREATE INDEX clearances_by_applicant ON clearances (applicant_id);
-- `grounds` are confidential: no route and no evidence record shows them.
CREATE TABLE person_holds (
    id           uuid PRIMARY KEY,
    person_id    uuid NOT NULL REFERENCES persons_in_charge,
    side         text NOT NULL,
    reason_code  text NOT NULL,
    grounds      text NOT NULL,
    placed_by    text NOT NULL,
    placed_at    timestamptz NOT NULL,
    released_by  text,
    released_at  timestamptz,
    CONSTRAINT side_is_known CHECK (side IN ('applicant', 'provider', 'department', 'system')),
    CONSTRAINT a_release_says_who_and_when CHECK ((released_by IS NULL) = (released_at IS NULL))
);
CREATE INDEX person_holds_by_person ON person_holds (person_id);
GRANT SELECT, INSERT, UPDATE (activated_at), DELETE ON persons_in_charge TO :app;
GRANT SELECT, INSERT, DELETE ON clearances TO :app;
GRANT SELECT, INSERT, UPDATE (released_by, released_at) ON person_holds TO :app;

CREATE TABLE users (
    id             uuid PRIMARY KEY,
    applicant_id   uuid NOT NULL,
    user_code_id   uuid NOT NULL,
    given_name     text NOT NULL,
    family_name    text NOT NULL,
    language       text NOT NULL,
    email          text NOT NULL,
    added_at       timestamptz NOT NULL,
    codes_pending  boolean NOT NULL,
    CONSTRAINT a_user_code_is_of_one_user UNIQUE (user_code_id),
    CONSTRAINT language_is_french_or_english CHECK (language IN ('fr', 'en'))
);
CREATE INDEX users_by_applicant ON users (applicant_id);
CREATE TABLE access_rights (
    user_id         uuid NOT NULL REFERENCES users,
    online_service  text NOT NULL,
    task            text NOT NULL,
    starts_on       date,
    ends_on         date,
    PRIMARY KEY (user_id, online_service, task),
    CONSTRAINT a_right_ends_no_earlier_than_it_starts CHECK (starts_on <= ends_on)
);
CREATE TABLE disclosure_authorizations (
    user_id        uuid NOT NULL REFERENCES users,
    recipient      text NOT NULL,
    authorized_by  text NOT NULL,
    authorized_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, recipient)
);
GRANT SELECT, INSERT, UPDATE (codes_pending) ON users TO :app;
GRANT SELECT, INSERT, DELETE ON access_rights, disclosure_authorizations TO :app;
