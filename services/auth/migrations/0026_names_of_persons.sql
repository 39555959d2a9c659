-- As registry and delegation tell them: a password is not made of them. Unknown of whoever was named before.
ALTER TABLE persons ADD COLUMN given_name text, ADD COLUMN family_name text;
