# What runs: task definitions, their roles and logs, and the services that keep so many of them.

# Nothing that ECS needs to start a task is a right of the code in it.
module "start" {
  source   = "../role"
  for_each = local.on

  place            = var.place
  name             = "${local.all[each.key].settings.service}-start"
  service          = "ecs-tasks.amazonaws.com"
  own_account      = true
  without_resource = ["ecr:GetAuthorizationToken"]

  policies = merge(
    {
      image = [
        {
          actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          resources = ["arn:${var.place.partition}:ecr:${local.here}:repository/${local.all[each.key].settings.repository}"]
        }
      ]
      logs = [
        {
          actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          resources = ["arn:${var.place.partition}:logs:${local.here}:log-group:/ecs/${local.all[each.key].settings.service}:*"]
        }
      ]
    },
    { for name, statements in { secrets = [{ actions = ["ssm:GetParameters"], resources = values(local.all[each.key].secrets) }] } : name => statements if length(local.all[each.key].secrets) > 0 },
  )
}

module "task" {
  source   = "../role"
  for_each = local.on

  place       = var.place
  name        = local.all[each.key].settings.service
  service     = "ecs-tasks.amazonaws.com"
  own_account = true
  policies    = local.all[each.key].rights
}

resource "aws_cloudwatch_log_group" "task" {
  for_each = local.on

  name              = "/ecs/${local.all[each.key].settings.service}"
  retention_in_days = var.runtime.log_retention_days
}

resource "aws_ecs_task_definition" "this" {
  for_each = local.placed

  family                   = local.all[each.key].settings.service
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = tostring(local.all[each.key].settings.cpu)
  memory                   = tostring(local.all[each.key].settings.memory_mb)
  execution_role_arn       = module.start[each.key].arn
  task_role_arn            = module.task[each.key].arn

  runtime_platform {
    cpu_architecture        = var.runtime.architecture == "arm64" ? "ARM64" : "X86_64"
    operating_system_family = "LINUX"
  }

  container_definitions = jsonencode([
    merge(
      {
        name                   = each.key
        image                  = "${local.registry}/${local.all[each.key].settings.repository}:${var.image_tag}"
        essential              = true
        user                   = "10001:10001"
        readonlyRootFilesystem = true
        linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = true }

        # The most that Fargate grants: batches in work are finished, memories stored, leases given back.
        stopTimeout  = 120
        portMappings = [{ containerPort = local.all[each.key].port, protocol = "tcp" }]
        environment  = [for name, value in local.all[each.key].environment : { name = name, value = value }]

        healthCheck = {
          command     = ["CMD", "python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:${local.all[each.key].port}${local.all[each.key].alive}', timeout=2)"]
          interval    = 15
          timeout     = 5
          retries     = 3
          startPeriod = 60
        }

        logConfiguration = {
          logDriver = "awslogs"
          options = {
            awslogs-group         = aws_cloudwatch_log_group.task[each.key].name
            awslogs-region        = var.place.region
            awslogs-stream-prefix = "task"
          }
        }
      },
      length(local.all[each.key].command) == 0 ? {} : { entryPoint = local.all[each.key].command },
      length(local.all[each.key].secrets) == 0 ? {} : { secrets = [for name, arn in local.all[each.key].secrets : { name = name, valueFrom = arn }] },
    )
  ])
}

resource "aws_ecs_service" "this" {
  for_each = local.placed

  name                   = local.all[each.key].settings.service
  cluster                = aws_ecs_cluster.this.arn
  task_definition        = aws_ecs_task_definition.this[each.key].arn
  desired_count          = local.all[each.key].settings.least_tasks
  enable_execute_command = false

  # Tasks spread over the zones again after one was out.
  availability_zone_rebalancing = "ENABLED"

  propagate_tags = "SERVICE"

  # New tasks are ready before old ones go; a deployment whose tasks do not start is taken back.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = local.reached ? 90 : null

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  capacity_provider_strategy {
    capacity_provider = var.services.capacity
    weight            = 1
  }

  # Without NAT a public address is the way out; its security group lets nobody in but the load balancer.
  network_configuration {
    subnets          = aws_subnet.public[*].id
    security_groups  = [aws_security_group.task[each.key].id]
    assign_public_ip = true
  }

  dynamic "load_balancer" {
    for_each = local.reached ? [aws_lb_target_group.this[each.key].arn] : []

    content {
      target_group_arn = load_balancer.value
      container_name   = each.key
      container_port   = local.all[each.key].port
    }
  }

  # Scaling decides how many there are.
  lifecycle {
    ignore_changes = [desired_count]
  }

  depends_on = [
    aws_ecs_cluster_capacity_providers.this,
    aws_lb_listener_rule.dashboard,
    aws_lb_listener_rule.scoring,
    aws_route_table_association.public,
    aws_route.internet,
    aws_vpc_security_group_egress_rule.task,
  ]
}
