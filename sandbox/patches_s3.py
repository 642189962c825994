"""S3 as on AWS: encryption by `aws:kms` without a key's id is by the account's own key for S3, `alias/aws/s3`.

The emulator refuses an object without the id, which is how CDK and Serverless upload. Nothing here may know about the product.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#aws-managed-customer-managed-keys
"""

from __future__ import annotations

import uuid

_SSE, _KEY = "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"


def aws_key() -> str:
    """The ARN of the account's and region's own key for S3; it has no other use here."""
    from ministack.core.responses import get_account_id, get_region

    place = f"{get_region()}:{get_account_id()}"
    return f"arn:aws:kms:{place}:key/{uuid.uuid5(uuid.NAMESPACE_URL, 'alias/aws/s3 ' + place)}"


def apply() -> None:
    from ministack.services import s3

    resolve, default = s3._resolve_sse_write_headers, s3._bucket_default_sse_headers

    def with_key(headers: dict) -> dict:
        return {**headers, _KEY: aws_key()} if headers.get(_SSE) == "aws:kms" and not headers.get(_KEY) else headers

    s3._resolve_sse_write_headers = lambda headers, bucket: resolve(with_key(headers), bucket)
    s3._bucket_default_sse_headers = lambda bucket: with_key(default(bucket))
