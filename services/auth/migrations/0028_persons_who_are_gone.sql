-- Since when delegation says that a person is no longer one of the applicant's: no code is assigned to them any more.
ALTER TABLE persons ADD COLUMN gone_at timestamptz;
