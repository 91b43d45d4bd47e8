"""Everything PetroStream runs on: settings, the CDK app and the Terraform modules."""
