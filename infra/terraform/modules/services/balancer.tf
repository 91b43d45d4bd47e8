# The load balancer, where any network may connect. HTTPS with the certificate of the settings; without one plain HTTP.

locals {
  entrance = local.secure ? one(aws_lb_listener.https[*].arn) : one(aws_lb_listener.http[*].arn)
  oidc     = local.reached && try(local.access.sign_in.kind, null) == "oidc"

  user_pool_arn = try("arn:${var.place.partition}:cognito-idp:${local.here}:userpool/${local.access.sign_in.user_pool_id}", null)
}

# Terraform writes it into its state, which is encrypted and as private as the secret.
data "aws_secretsmanager_secret_version" "client" {
  count = local.oidc ? 1 : 0

  secret_id = local.access.sign_in.client_secret
}

resource "aws_lb" "this" {
  count = local.reached ? 1 : 0

  name                       = var.services.name
  load_balancer_type         = "application"
  internal                   = false
  subnets                    = aws_subnet.public[*].id
  security_groups            = [aws_security_group.balancer[0].id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"

  # It goes with the rest: what is switched off costs nothing.
  enable_deletion_protection = false

  depends_on = [aws_route.internet]
}

resource "aws_lb_target_group" "this" {
  for_each = local.reached ? local.placed : toset([])

  name        = local.all[each.key].settings.service
  vpc_id      = aws_vpc.this.id
  target_type = "ip"
  port        = local.all[each.key].port
  protocol    = "HTTP"

  # As long as a request may take; the service finishes those in work by itself.
  deregistration_delay = 30

  health_check {
    path                = local.all[each.key].ready
    matcher             = "200"
    interval            = 15
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  dynamic "stickiness" {
    for_each = each.key == "dashboard" ? ["one task keeps a session"] : []

    content {
      type            = "lb_cookie"
      cookie_duration = 86400
    }
  }
}

resource "aws_lb_listener" "http" {
  count = local.reached ? 1 : 0

  load_balancer_arn = aws_lb.this[0].arn
  port              = 80
  protocol          = "HTTP"

  dynamic "default_action" {
    for_each = local.secure ? ["to HTTPS"] : []

    content {
      type = "redirect"

      redirect {
        port        = "443"
        protocol    = "HTTPS"
        status_code = "HTTP_301"
      }
    }
  }

  dynamic "default_action" {
    for_each = local.secure ? [] : ["nothing here"]

    content {
      type = "fixed-response"

      fixed_response {
        content_type = "text/plain"
        message_body = "Nothing here."
        status_code  = "404"
      }
    }
  }
}

resource "aws_lb_listener" "https" {
  count = local.reached && local.secure ? 1 : 0

  load_balancer_arn = aws_lb.this[0].arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = local.access.certificate_arn
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "Nothing here."
      status_code  = "404"
    }
  }
}

# The API has keys of its own: it asks for them, not the load balancer.
resource "aws_lb_listener_rule" "scoring" {
  count = local.reached ? 1 : 0

  listener_arn = local.entrance
  priority     = 10

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this["scoring"].arn
  }

  condition {
    path_pattern {
      values = ["/v1/*", "/health", "/ready", "/metrics"]
    }
  }
}

# People sign in first, where the settings say with what.
resource "aws_lb_listener_rule" "dashboard" {
  count = local.reached && contains(local.placed, "dashboard") ? 1 : 0

  listener_arn = local.entrance
  priority     = 20

  dynamic "action" {
    for_each = try(local.access.sign_in.kind, null) == "cognito" ? [local.access.sign_in] : []

    content {
      type  = "authenticate-cognito"
      order = 1

      authenticate_cognito {
        user_pool_arn              = local.user_pool_arn
        user_pool_client_id        = action.value.client_id
        user_pool_domain           = action.value.domain
        on_unauthenticated_request = "authenticate"
        session_timeout            = 28800
      }
    }
  }

  dynamic "action" {
    for_each = try(local.access.sign_in.kind, null) == "oidc" ? [local.access.sign_in] : []

    content {
      type  = "authenticate-oidc"
      order = 1

      authenticate_oidc {
        issuer                     = action.value.issuer
        authorization_endpoint     = action.value.authorization_endpoint
        token_endpoint             = action.value.token_endpoint
        user_info_endpoint         = action.value.user_info_endpoint
        client_id                  = action.value.client_id
        client_secret              = data.aws_secretsmanager_secret_version.client[0].secret_string
        on_unauthenticated_request = "authenticate"
        scope                      = "openid email"
        session_timeout            = 28800
      }
    }
  }

  action {
    type             = "forward"
    order            = 2
    target_group_arn = aws_lb_target_group.this["dashboard"].arn
  }

  condition {
    path_pattern {
      values = ["/*"]
    }
  }
}
