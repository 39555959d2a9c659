-- Former passwords' hashes, as they were: a person does not choose them again (clause 20).
CREATE TABLE former_passwords (
    user_code_id   uuid NOT NULL REFERENCES user_codes (id) ON DELETE CASCADE,
    replaced_at    timestamptz NOT NULL,
    password_hash  text NOT NULL,
    pepper_key_id  text NOT NULL,
    was_one_time   boolean NOT NULL,
    CONSTRAINT one_password_is_replaced_at_a_time PRIMARY KEY (user_code_id, replaced_at)
);
GRANT SELECT, INSERT, DELETE ON former_passwords TO :app;
