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
  place                = { twin = false, account_id = "123456789012", partition = "aws", region = "eu-north-1" }
  budget               = merge(jsondecode(file("../settings.json")).budget, { monthly_limit_usd = 35 })
  access               = jsondecode(file("../settings.json")).access
  project_tag          = "petrostream"
  policies_folder      = "../policies"
  alert_email          = "operations@example.com"
  github_repository    = "owner/lake"
  github_owner_id      = null
  github_repository_id = null
  github_provider_arn  = null
  anomaly_monitor_arn  = null
  names = {
    project    = "petrostream", account = "123456789012", region = "eu-north-1", partition = "aws"
    database   = "lake", workgroup = "group", stream = "the-stream", raw = "the-raw", delivery = "the-delivery"
    quarantine = "the-quarantine", live_table = "the-table", scoring = "the-scoring", failure_queue = "the-queue"
    transform  = "the-transform", raw_copy = "the-raw-copy", facility = "the-facility", alarms = "the-alarms", dashboard = "petrostream"
    batch      = "the-batch", nightly = "the-nightly", weekly = "the-weekly", backfill = "the-backfill", schedule_group = "the-group"
  }
}

run "the_bill_is_watched_and_stopped" {
  command = apply

  module {
    source = "./modules/guardrails"
  }

  assert {
    condition     = toset([for alert in aws_budgets_budget.monthly.notification : alert.threshold if alert.threshold_type == "PERCENTAGE"]) == toset(var.budget.alert_percent)
    error_message = "An e-mail at each share of the settings."
  }

  assert {
    condition     = [for alert in aws_budgets_budget.monthly.notification : alert.threshold if alert.threshold_type == "ABSOLUTE_VALUE"] == [var.budget.first_alert_usd]
    error_message = "The first e-mail at a sum."
  }

  assert {
    condition     = one(aws_ce_anomaly_monitor.services).monitor_dimension == "SERVICE" && one(aws_ce_anomaly_monitor.services).monitor_type == "DIMENSIONAL"
    error_message = "Any account can have a monitor by service, and only a management account one by tag."
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
    condition     = toset(one(one(aws_budgets_budget_action.hard_stop.definition).iam_action_definition).roles) == toset(["the-scoring-eu-north-1", "the-raw-copy-eu-north-1", "petrostream-analyst-eu-north-1"])
    error_message = "The hard stop reaches scoring, the raw copy and queries."
  }
}

run "a_token_must_name_repository_and_branch" {
  command = apply

  module {
    source = "./modules/guardrails"
  }

  assert {
    condition = jsondecode(aws_iam_role.github["deploy"].assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud"        = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:ref"        = "refs/heads/main"
        "token.actions.githubusercontent.com:repository" = "owner/lake"
      }
      StringLike = {
        "token.actions.githubusercontent.com:sub" = ["repo:owner/lake:environment:production", "repo:owner@*/lake@*:environment:production"]
      }
    }
    error_message = "A deployment needs the environment, from the branch."
  }

  assert {
    condition     = jsondecode(aws_iam_role.github["plan"].assume_role_policy).Statement[0].Condition.StringLike["token.actions.githubusercontent.com:sub"][0] == "repo:owner/lake:ref:refs/heads/main"
    error_message = "A plan needs the branch."
  }
}

run "with_its_numbers_it_is_that_very_repository" {
  command = apply

  module {
    source = "./modules/guardrails"
  }

  variables {
    github_owner_id      = "123"
    github_repository_id = "456"
  }

  assert {
    condition = jsondecode(aws_iam_role.github["deploy"].assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud"           = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:ref"           = "refs/heads/main"
        "token.actions.githubusercontent.com:repository_id" = "456"
        "token.actions.githubusercontent.com:sub"           = ["repo:owner/lake:environment:production", "repo:owner@123/lake@456:environment:production"]
      }
    }
    error_message = "No wildcard, and the number of the repository."
  }
}

run "a_monitor_that_is_there_is_used" {
  command = apply

  module {
    source = "./modules/guardrails"
  }

  variables {
    anomaly_monitor_arn = "arn:aws:ce::123456789012:anomalymonitor/default"
  }

  assert {
    condition     = length(aws_ce_anomaly_monitor.services) == 0 && one(aws_ce_anomaly_subscription.project).monitor_arn_list == tolist([var.anomaly_monitor_arn])
    error_message = "An account can have one monitor by service."
  }
}

run "anomalies_need_not_be_watched" {
  command = apply

  module {
    source = "./modules/guardrails"
  }

  variables {
    budget = merge(jsondecode(file("../settings.json")).budget, { monthly_limit_usd = 35, anomaly_usd = null, first_alert_usd = null })
  }

  assert {
    condition     = length(aws_ce_anomaly_monitor.services) == 0 && length(aws_ce_anomaly_subscription.project) == 0
    error_message = "Null watches for none."
  }

  assert {
    condition     = length(aws_budgets_budget.monthly.notification) == length(var.budget.alert_percent)
    error_message = "Null sends no first e-mail."
  }
}

run "a_limit_is_needed" {
  command = plan

  module {
    source = "./modules/guardrails"
  }

  variables {
    budget = jsondecode(file("../settings.json")).budget
  }

  expect_failures = [var.budget]
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
    budget = merge(jsondecode(file("../settings.json")).budget, { monthly_limit_usd = 35, scope = "project" })
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
    budget = merge(jsondecode(file("../settings.json")).budget, { monthly_limit_usd = 35, hard_stop_usd = 5 })
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
