-- A mandatary's calls and acts are also those of a code of another applicant; what failed may be about an agent.
ALTER TABLE access_records ADD COLUMN user_code_applicant_id uuid, ADD COLUMN about_agent_id uuid;
ALTER TABLE evidence_records ADD COLUMN user_code_applicant_id uuid, ADD COLUMN power_of_attorney_id uuid;
