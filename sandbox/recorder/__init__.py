"""The recorder: what CloudTrail does, for the calls the emulator answers.

`middleware` sees each HTTP call, `request` and `response` understand it with botocore's own service
models, `casing` gives it CloudTrail's form, `identity` says who called, `record` puts the record
together, `deliver` brings it to the event bus, the trail's bucket and `records.jsonl`.

Not seen, so not recorded: what the emulator makes in-process, i.e. the resources of a CloudFormation
stack (only CreateStack itself is an HTTP call) and calls one emulated service makes on another.
"""
