CREATE TABLE notes (
    row_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    applicant_id uuid NOT NULL,
    text text NOT NULL,
    correlation_id uuid NOT NULL
);
GRANT SELECT, INSERT ON notes TO :app;
