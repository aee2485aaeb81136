"""What a job file may say: one pydantic model for each part, from which the published JSON schema is made."""
