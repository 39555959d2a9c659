-- False for one that was chosen beside a second factor and is not enough without it. What was chosen before counts as
-- enough until a sign-in shows that it is too short.
ALTER TABLE user_codes ADD COLUMN password_may_stand_alone boolean NOT NULL DEFAULT true;
GRANT UPDATE (password_may_stand_alone) ON user_codes TO :app;
