# What can be said to the module. Settings of the function are parameters of the templates and are described there.

variable "bucket" {
  description = "Name of a bucket in the home region, which is the provider's, for the function's zip and the templates. Whoever can write into it decides what runs."
  type        = string
}

variable "zip" {
  description = "Path of the function's zip, such as target/dist/bootstrap-x86_64.zip."
  type        = string
}

variable "architecture" {
  description = "Processor that the zip was built for."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

variable "templates" {
  description = "Folder with tagger.yaml and forwarder.yaml; they belong to the zip. Empty means the module's own repository."
  type        = string
  default     = ""
}

variable "forwarder_regions" {
  description = "Enabled regions beside the home region. us-east-1 belongs to them always, unless it is the home region: IAM, CloudFront and Route 53 log there."
  type        = set(string)
  default     = []
}

variable "parameters" {
  description = "Parameters of templates/tagger.yaml, such as { TagKey = \"Owner\", ExistingTrail = \"management-events\" }."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.parameters), ["CodeBucket", "CodeKey", "Architecture"])) == 0
    error_message = "CodeBucket, CodeKey and Architecture come from bucket, zip and architecture."
  }
}

variable "stack_name" {
  description = "Name of the stack in the home region; the forwarders' have -forwarder behind it."
  type        = string
  default     = "auto-resource-tagger"
}

variable "tags" {
  description = "Tags of the stacks, which CloudFormation hands on to what they make."
  type        = map(string)
  default     = {}
}
