# Budgets and roles, without an account.

mock_provider "aws" {
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/petrostream-made-up" }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/petrostream-made-up" }
  }

  mock_resource "aws_ce_anomaly_monitor" {
    defaults = { arn = "arn:aws:ce::123456789012:anomalymonitor/made-up" }
  }
}

variables {
  place               = { twin = false, account_id = "123456789012", partition = "aws", region = "eu-north-1" }
  budget              = jsondecode(file("../settings.json")).budget
  access              = jsondecode(file("../settings.json")).access
  project_tag         = "petrostream"
  policies_folder     = "../policies"
  alert_email         = "operations@example.com"
  github_repository   = "owner/lake"
  github_provider_arn = null
  names = {
    project    = "petrostream", account = "123456789012", region = "eu-north-1", partition = "aws"
    database   = "lake", workgroup = "group", stream = "the-stream", raw = "the-raw", delivery = "the-delivery"
    quarantine = "the-quarantine", live_table = "the-table", scoring = "the-scoring", failure_queue = "the-queue"
    transform  = "the-transform", facility = "the-facility", alarms = "the-alarms", dashboard = "petrostream"
  }
}

run "the_bill_is_watched_and_stopped" {
  command = apply

  module {
    source = "./modules/guardrails"
  }

  assert {
    condition     = toset([for alert in aws_budgets_budget.monthly.notification : alert.threshold]) == toset(var.budget.alert_percent)
    error_message = "An e-mail at each share of the settings."
  }

  assert {
    condition     = tonumber(aws_budgets_budget.monthly.limit_amount) == var.budget.monthly_limit_usd && tonumber(aws_budgets_budget.hard_stop.limit_amount) == var.budget.hard_stop_usd
    error_message = "Limits come from the settings."
  }

  assert {
    condition     = length(aws_budgets_budget.monthly.cost_filter) == 0
    error_message = "Without a say in the settings, the whole account's bill counts."
  }

  assert {
    condition     = toset(one(one(aws_budgets_budget_action.hard_stop.definition).iam_action_definition).roles) == toset(["the-scoring-eu-north-1", "the-raw-eu-north-1", "petrostream-analyst-eu-north-1"])
    error_message = "The hard stop reaches scoring, the raw copy and queries."
  }
}

run "a_token_must_name_repository_and_branch_exactly" {
  command = apply

  module {
    source = "./modules/guardrails"
  }

  assert {
    condition = jsondecode(aws_iam_role.github["deploy"].assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = "repo:owner/lake:environment:production"
        "token.actions.githubusercontent.com:ref" = "refs/heads/main"
      }
    }
    error_message = "A deployment needs the environment, from the branch."
  }

  assert {
    condition     = jsondecode(aws_iam_role.github["plan"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:owner/lake:ref:refs/heads/main"
    error_message = "A plan needs the branch."
  }
}

run "without_a_repository_there_are_no_roles_for_github" {
  command = apply

  module {
    source = "./modules/guardrails"
  }

  variables {
    github_repository = null
  }

  assert {
    condition     = length(aws_iam_role.github) == 0 && length(aws_iam_openid_connect_provider.github) == 0
    error_message = "No repository, no roles."
  }
}

run "a_provider_that_is_there_is_used" {
  command = apply

  module {
    source = "./modules/guardrails"
  }

  variables {
    github_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "An account can have the provider once."
  }
}

run "the_scope_can_be_the_project" {
  command = plan

  module {
    source = "./modules/guardrails"
  }

  variables {
    budget = merge(jsondecode(file("../settings.json")).budget, { scope = "project" })
  }

  assert {
    condition     = one(aws_budgets_budget.hard_stop.cost_filter).values == tolist(["user:project$petrostream"])
    error_message = "The tag is user:project."
  }
}

run "a_stop_below_the_limit_is_refused" {
  command = plan

  module {
    source = "./modules/guardrails"
  }

  variables {
    budget = merge(jsondecode(file("../settings.json")).budget, { hard_stop_usd = 5 })
  }

  expect_failures = [var.budget]
}

run "a_branch_with_a_wildcard_is_refused" {
  command = plan

  module {
    source = "./modules/guardrails"
  }

  variables {
    access = { branch = "*", environment = "production", session_minutes = 60 }
  }

  expect_failures = [var.access]
}
