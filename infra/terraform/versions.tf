terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }

  # Bucket and region come from the bootstrap: terraform init -backend-config=backend.hcl (docs/guides/terraform.md).
  backend "s3" {
    key          = "petrostream/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}
