-- A code whose person signs in by passkey alone; `password_set_at` then says since when.
ALTER TABLE user_codes
    ALTER COLUMN password_hash DROP NOT NULL,
    ALTER COLUMN pepper_key_id DROP NOT NULL,
    ADD CONSTRAINT a_password_is_whole_or_none CHECK (
        num_nulls(password_hash, pepper_key_id) = 0
        OR num_nulls(password_hash, pepper_key_id) = 2 AND NOT password_is_one_time) NOT VALID;
ALTER TABLE user_codes VALIDATE CONSTRAINT a_password_is_whole_or_none;
