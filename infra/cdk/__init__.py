"""PetroStream in AWS CDK: lake, stream and scoring; on AWS also ops and guardrails."""
