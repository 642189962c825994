# What others may want to refer to.

output "tagger" {
  description = "Outputs of the stack in the home region, such as FunctionArn, RoleArn and AlarmTopicArn."
  value       = aws_cloudformation_stack.tagger.outputs
}

output "forwarders" {
  description = "Outputs of each forwarder's stack, by region."
  value       = { for region, stack in aws_cloudformation_stack.forwarder : region => stack.outputs }
}
