# What this module needs. Version 6 of the provider is the first in which a resource can name its region, so that the
# forwarders need no provider of their own for each region.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}
