# Containers on ECS: the scoring service with the HTTP API, and the dashboard.
#
# Repositories, network and cluster come first; what runs comes with the tag of an image that has been pushed.

locals {
  here     = "${var.place.region}:${var.place.account_id}"
  running  = var.image_tag != null
  access   = var.services.access
  reached  = local.running && length(local.access.allowed_cidrs) > 0
  secure   = local.access.certificate_arn != null
  domain   = var.place.partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"
  registry = "${var.place.account_id}.dkr.ecr.${var.place.region}.${local.domain}"

  digests_arn = "arn:${var.place.partition}:ssm:${local.here}:parameter${var.services.scoring.key_digests}"

  scoring = {
    settings = var.services.scoring
    port     = 8080
    alive    = "/health"
    ready    = "/ready"

    # The service reads the stream and serves the API; without the stream, the API alone.
    command = ["python3", "-m", var.reads_stream ? "lambdas.scoring.service" : "lambdas.scoring.api"]
    environment = merge(var.environment, {
      API_HOST          = "0.0.0.0"
      API_PORT          = "8080"
      AWS_REGION        = var.place.region
      INGEST_STREAM     = var.stream_name
      LOG_LEVEL         = var.runtime.log_level
      METRICS_NAMESPACE = "PetroStream"
      METRICS_SERVICE   = var.metrics_name
      MOST_SHARDS       = tostring(var.services.scoring.most_shards)
      }, length(var.services.scoring.callers) == 0 ? {} : {
      API_IAM_PRINCIPALS = join(",", var.services.scoring.callers)
      # Another name for each deployment: a token for one is none for the others.
      API_IAM_SERVICE = "${var.services.name}.${var.place.account_id}.${var.place.region}"
    })
    secrets = { API_KEY_DIGESTS = local.digests_arn }
    rights  = var.reads_stream ? var.rights : { for name, statements in var.rights : name => statements if name != "stream" }
  }

  dashboard = {
    settings = var.services.dashboard
    port     = 8501
    alive    = "/_stcore/health"
    ready    = "/_stcore/health"
    command  = []
    environment = {
      ALARM_STREAM             = var.environment["ALARM_STREAM"]
      ATHENA_DATABASE          = var.database
      ATHENA_WORKGROUP         = var.workgroup
      AWS_REGION               = var.place.region
      BUDGET_NAME              = "${var.project}-monthly"
      CLOUDWATCH_URL           = "https://${var.place.region}.console.aws.amazon.com/cloudwatch/home?region=${var.place.region}#dashboards/dashboard/${var.cloudwatch_dashboard}"
      FIREHOSES                = join(",", var.firehoses)
      LIVE_TABLE               = var.environment["LIVE_TABLE"]
      LOG_LEVEL                = var.runtime.log_level
      STREAMLIT_SERVER_ADDRESS = "0.0.0.0"
      STREAMLIT_SERVER_PORT    = "8501"
    }
    secrets = {}

    # It shows the live table and queries, and acts on alarms as the API does.
    rights = {
      state    = [{ actions = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"], resources = var.rights.state[0].resources }]
      delivery = [{ actions = ["firehose:PutRecordBatch"], resources = [var.alarm_stream_arn] }]
      query    = var.query_rights
      pipeline = var.pipeline_rights
    }
  }

  # By key, so that whether one is there depends on the settings alone.
  all    = { scoring = local.scoring, dashboard = local.dashboard }
  on     = toset(concat(["scoring"], var.services.dashboard.enabled ? ["dashboard"] : []))
  placed = local.running ? local.on : toset([])
}

# Tags cannot be overwritten: a tag is the code it was built from.
resource "aws_ecr_repository" "image" {
  for_each = local.on

  name                 = local.all[each.key].settings.repository
  image_tag_mutability = "IMMUTABLE"

  # Images are built again from the repository's code: they may go with the rest.
  force_delete = true

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "image" {
  for_each = local.on

  repository = aws_ecr_repository.image[each.key].name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Parts of images that were replaced"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 1 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "The latest images are kept, for a way back"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.services.images_kept }
        action       = { type = "expire" }
      },
    ]
  })
}

resource "aws_ecs_cluster" "this" {
  name = var.services.name

  # CPU, memory and the number of tasks come for nothing; more detail costs, and the service has metrics of its own.
  setting {
    name  = "containerInsights"
    value = "disabled"
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]

  default_capacity_provider_strategy {
    capacity_provider = var.services.capacity
    weight            = 1
  }
}
