-- Apart from the new columns, whose lock would last as long. Few rows have them, and the others cost nothing.
CREATE INDEX access_records_by_applicant_of_code ON access_records (user_code_applicant_id, at, id)
    WHERE user_code_applicant_id IS NOT NULL;
CREATE INDEX access_records_about_agents ON access_records (about_agent_id, at, id)
    WHERE about_agent_id IS NOT NULL;
CREATE INDEX evidence_records_by_applicant_of_code ON evidence_records (user_code_applicant_id, at, id)
    WHERE user_code_applicant_id IS NOT NULL;
