-- Who may act for whom. `granting_name` and `granting_number` are those by which the power itself names who gave
-- it, for the eyes of who received it. A power that is not unrestricted is good for its tasks alone.
CREATE TABLE powers_of_attorney (
    id                         uuid PRIMARY KEY,
    granting_applicant_id      uuid NOT NULL,
    granting_name              text NOT NULL,
    granting_number            text,
    representing_applicant_id  uuid,
    representing_user_code_id  uuid,
    is_unrestricted            boolean NOT NULL,
    starts_on                  date NOT NULL,
    ends_on                    date,
    accepted_at                timestamptz,
    revoked_at                 timestamptz,
    CONSTRAINT a_power_is_given_to_an_applicant_or_to_a_person
        CHECK ((representing_applicant_id IS NULL) <> (representing_user_code_id IS NULL)),
    CONSTRAINT a_power_ends_no_earlier_than_it_starts CHECK (starts_on <= ends_on),
    CONSTRAINT no_applicant_represents_itself CHECK (granting_applicant_id <> representing_applicant_id)
);
CREATE INDEX powers_of_attorney_by_applicant ON powers_of_attorney (representing_applicant_id)
    WHERE revoked_at IS NULL;
CREATE INDEX powers_of_attorney_by_person ON powers_of_attorney (representing_user_code_id)
    WHERE revoked_at IS NULL;
CREATE TABLE power_of_attorney_tasks (
    power_of_attorney_id  uuid NOT NULL REFERENCES powers_of_attorney,
    online_service        text NOT NULL,
    task                  text NOT NULL,
    PRIMARY KEY (power_of_attorney_id, online_service, task)
);
-- Nothing here gives, accepts or revokes one yet.
GRANT SELECT ON powers_of_attorney, power_of_attorney_tasks TO :app;
