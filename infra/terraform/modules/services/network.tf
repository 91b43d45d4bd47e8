# A VPC of its own, without NAT: tasks have public addresses and let nobody in but the load balancer
# (docs/adr/0016). S3 and DynamoDB are reached through gateway endpoints, which cost nothing.

data "aws_availability_zones" "here" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

resource "aws_vpc" "this" {
  cidr_block           = var.services.network
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = var.services.name }
}

# Nothing belongs to it, and it lets nothing through.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.services.name }
}

resource "aws_subnet" "public" {
  count = var.services.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = data.aws_availability_zones.here.names[count.index]
  cidr_block              = cidrsubnet(var.services.network, 2, count.index)
  map_public_ip_on_launch = false
  tags                    = { Name = "${var.services.name}-${count.index + 1}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.services.name }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  count = var.services.zones

  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = toset(["dynamodb", "s3"])

  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.place.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.public.id]
  tags              = { Name = "${var.services.name}-${each.key}" }
}

resource "aws_security_group" "balancer" {
  count = local.reached ? 1 : 0

  name        = "${var.services.name}-balancer"
  description = "Who may reach the load balancer, and what it may reach"
  vpc_id      = aws_vpc.this.id
}

# With a certificate, port 80 answers with the address of the other.
resource "aws_vpc_security_group_ingress_rule" "balancer" {
  for_each = local.reached ? {
    for pair in setproduct(local.access.allowed_cidrs, local.secure ? [80, 443] : [80]) : "${pair[0]} ${pair[1]}" => pair
  } : {}

  security_group_id = aws_security_group.balancer[0].id
  description       = "services.access.allowed_cidrs"
  cidr_ipv4         = each.value[0]
  from_port         = each.value[1]
  to_port           = each.value[1]
  ip_protocol       = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "balancer" {
  for_each = local.reached ? local.placed : toset([])

  security_group_id            = aws_security_group.balancer[0].id
  description                  = "The tasks of ${local.all[each.key].settings.service}"
  referenced_security_group_id = aws_security_group.task[each.key].id
  from_port                    = local.all[each.key].port
  to_port                      = local.all[each.key].port
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "sign_in" {
  count = local.reached && local.access.sign_in != null ? 1 : 0

  security_group_id = aws_security_group.balancer[0].id
  description       = "The provider that people sign in with"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
}

resource "aws_security_group" "task" {
  for_each = local.placed

  name        = local.all[each.key].settings.service
  description = "Tasks of ${local.all[each.key].settings.service}"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "task" {
  for_each = local.reached ? local.placed : toset([])

  security_group_id            = aws_security_group.task[each.key].id
  description                  = "The load balancer and nobody else"
  referenced_security_group_id = aws_security_group.balancer[0].id
  from_port                    = local.all[each.key].port
  to_port                      = local.all[each.key].port
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "task" {
  for_each = local.placed

  security_group_id = aws_security_group.task[each.key].id
  description       = "AWS, over TLS"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
}
