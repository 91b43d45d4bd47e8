variable "place" {
  description = "Account, partition and region."
  type        = object({ account_id = string, partition = string, region = string })
}

variable "spark" {
  description = "Section `spark` of the settings."
  type = object({
    name          = string
    release       = string
    idle_minutes  = number
    max_vcpu      = number
    max_memory_gb = number
    max_disk_gb   = number
  })

  validation {
    condition     = var.spark.max_memory_gb >= 2 * var.spark.max_vcpu && var.spark.max_memory_gb <= 8 * var.spark.max_vcpu
    error_message = "spark.max_memory_gb = ${var.spark.max_memory_gb}: must be 2 to 8 GB for each of ${var.spark.max_vcpu} vCPUs."
  }

  validation {
    condition     = var.spark.max_disk_gb >= 5 * var.spark.max_vcpu
    error_message = "spark.max_disk_gb = ${var.spark.max_disk_gb}: must be at least 20 GB for every 4 of ${var.spark.max_vcpu} vCPUs."
  }
}

variable "runtime" {
  description = "Section `runtime` of the settings."
  type        = object({ log_retention_days = number })
}

variable "names" {
  description = "What names in the shared files stand for."
  type        = map(string)
}

variable "shared_folder" {
  description = "Folder of `policies`."
  type        = string
}
