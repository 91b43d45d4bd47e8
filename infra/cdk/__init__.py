"""PetroStream in AWS CDK: the stacks lake, stream and scoring, for AWS and for the local twin."""
