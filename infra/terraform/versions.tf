terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # 6.x has not been tried: docs/guides/terraform.md says what to run before it is allowed here.
      version = ">= 5.100, < 6.0"
    }
  }

  # Bucket and region come from the bootstrap: terraform init -backend-config=backend.hcl (docs/guides/terraform.md).
  backend "s3" {
    key          = "petrostream/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}
