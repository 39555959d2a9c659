-- A count is kept as long as it says something: some for a minute, that of a browser that was put out for months.
-- The previous release leaves it empty; such rows go by their age.
ALTER TABLE sign_in_attempts ADD COLUMN kept_until timestamptz;
CREATE INDEX sign_in_attempts_by_end ON sign_in_attempts (kept_until);
