# The same stacks from the same templates as every other way of deploying, so that nothing is described twice.
# What a stack makes is CloudFormation's to change: import none of it here.

data "aws_region" "home" {}

data "aws_partition" "here" {}

locals {
  folder    = var.templates == "" ? "${path.module}/../../templates" : var.templates
  templates = { for name in ["tagger", "forwarder"] : name => "${local.folder}/${name}.yaml" }
  zip_hash  = filesha256(var.zip)
  bucket    = "https://${var.bucket}.s3.${data.aws_region.home.region}.${data.aws_partition.here.dns_suffix}"
}

# CloudFormation compares the key of the code and not the object, and the address of a template and not its text: so
# both keys hold the content's hash. The old object goes after the stack has been updated, since a rollback needs it.
resource "aws_s3_object" "zip" {
  bucket      = var.bucket
  key         = "${local.zip_hash}/bootstrap-${var.architecture}.zip"
  source      = var.zip
  source_hash = local.zip_hash

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_s3_object" "template" {
  for_each = local.templates

  bucket       = var.bucket
  key          = "${filesha256(each.value)}/${each.key}.yaml"
  source       = each.value
  source_hash  = filesha256(each.value)
  content_type = "application/yaml"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudformation_stack" "tagger" {
  name         = var.stack_name
  template_url = "${local.bucket}/${aws_s3_object.template["tagger"].key}"
  # Its role has a fixed name.
  capabilities = ["CAPABILITY_NAMED_IAM"]
  tags         = var.tags

  parameters = merge(var.parameters, {
    CodeBucket   = var.bucket
    CodeKey      = aws_s3_object.zip.key
    Architecture = var.architecture
  })
}

# A template may be in a bucket of another region; the function's zip may not, and forwarders have none.
resource "aws_cloudformation_stack" "forwarder" {
  for_each = setsubtract(var.forwarder_regions, [data.aws_region.home.region])

  region       = each.value
  name         = "${var.stack_name}-forwarder"
  template_url = "${local.bucket}/${aws_s3_object.template["forwarder"].key}"
  capabilities = ["CAPABILITY_NAMED_IAM"]
  tags         = var.tags
  # Of the settings they take those that their rules need.
  parameters = merge(
    { for name, value in var.parameters : name => value if contains(["TagKey", "TagChanges", "QueueOperators"], name) },
    { HomeRegion = data.aws_region.home.region },
  )

  # Not before somebody listens; and they go first, so that no region sends to a bus where nobody does.
  depends_on = [aws_cloudformation_stack.tagger]
}
