"""A fake AWS endpoint: takes the tagging calls of eight services and answers that nothing is tagged yet.

Every answer has the form of the service's own, so that a strict client accepts it. A call that stands
in no table below, or a write without the creator's tag, is an error: what goes wrong must not look fast.
"""
import re
import time
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import parse_qsl

from httpd import Request, Response, Server

SCOPE = re.compile(r"Credential=[^/]+/\d{8}/(?:[^/]+/)?([^/]+)/aws4_request")
TAG = (b"CreatedBy", b"nilkanth")  # what the right answer to each of events.jsonl writes

# Query protocols: service.Operation -> what stands in the answer. Elements without children are empty lists.
QUERY = {
    "ec2.CreateTags": "<return>true</return>",
    "ec2.DescribeTags": "<tagSet/>",
    "rds.AddTagsToResource": "", "rds.ListTagsForResource": "<TagList/>",
    "elasticache.AddTagsToResource": "<TagList/>", "elasticache.ListTagsForResource": "<TagList/>",
    "sns.TagResource": "", "sns.ListTagsForResource": "<Tags/>",
}
# AWS JSON: service.Operation -> the body.
JSON = {
    "dynamodb.TagResource": b"", "dynamodb.ListTagsOfResource": b'{"Tags":[]}',
    "sqs.TagQueue": b"", "sqs.ListQueueTags": b'{"Tags":{}}',
}
# REST: service, method, beginning of path and query -> the operation, status and body.
REST = {
    ("s3", "PUT", r"/[^/?]+/?\?tagging"): ("PutBucketTagging", 204, b""),
    ("s3", "POST", "/v20180820/tags/"): ("TagResource", 204, b""),
    ("s3", "GET", "/v20180820/tags/"): ("ListTagsForResource", 200, (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<ListTagsForResourceResult '
        b'xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><Tags/></ListTagsForResourceResult>')),
    ("lambda", "POST", "/2017-03-31/tags/"): ("TagResource", 204, b""),
    ("lambda", "GET", "/2017-03-31/tags/"): ("ListTags", 200, b'{"Tags":{}}'),
}


@dataclass
class Call:
    operation: str
    tagged: int  # how many resources the call sets tags on
    in_ns: int
    out_ns: int = 0


def _instances(params: dict[str, str]) -> str:
    items = "".join(
        f"<item><instanceId>{value}</instanceId><instanceState><code>0</code><name>pending</name></instanceState>"
        f"<rootDeviceType>ebs</rootDeviceType><blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs>"
        f"<volumeId>vol-{value[2:]}</volumeId></ebs></item></blockDeviceMapping><networkInterfaceSet><item>"
        f"<networkInterfaceId>eni-{value[2:]}</networkInterfaceId></item></networkInterfaceSet></item>"
        for name, value in params.items() if name.startswith("InstanceId."))
    return f"<reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet>"


def _query(service: str, action: str, params: dict[str, str]) -> Response:
    known = f"{service}.{action}"
    inner = _instances(params) if known == "ec2.DescribeInstances" else QUERY.get(known)
    if inner is None:
        return _refused(known)
    if service == "ec2":
        body = (f'<{action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
                f"<requestId>r</requestId>{inner}</{action}Response>")
    else:
        body = (f"<{action}Response><{action}Result>{inner}</{action}Result>"
                f"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>")
    return Response(200, b'<?xml version="1.0" encoding="UTF-8"?>\n' + body.encode(), "text/xml;charset=UTF-8")


def _rest(service: str, request: Request) -> tuple[str, Response]:
    target = f"{request.path}?{request.query}"
    for (name, method, path), (operation, status, body) in REST.items():
        if (name, method) == (service, request.method) and re.match(path, target):
            kind = "application/xml" if service == "s3" else "application/json"
            return operation, Response(status, body, kind)
    return f"{request.method} {target}", _refused(f"{service}: {request.method} {target}")


def _refused(what: str) -> Response:
    body = f'{{"__type":"ValidationException","message":"the fake AWS refuses {what}"}}'
    return Response(400, body.encode(), "application/x-amz-json-1.1", {"x-amzn-ErrorType": "ValidationException"})


def respond(request: Request) -> tuple[str, int, Response]:
    """The call's name, how many resources it tags, and its answer."""
    scope = SCOPE.search(request.headers.get("authorization", ""))
    service = scope.group(1) if scope else "unsigned"
    content_type = request.headers.get("content-type", "")
    params: dict[str, str] = {}
    if target := request.headers.get("x-amz-target"):
        operation = target.rpartition(".")[2]
        body = JSON.get(f"{service}.{operation}")
        response = _refused(f"{service}.{operation}") if body is None else Response(200, body, content_type)
    elif content_type.startswith("application/x-www-form-urlencoded"):
        params = dict(parse_qsl(request.body.decode()))
        operation = params.get("Action", "nothing")
        response = _query(service, operation, params)
    else:
        operation, response = _rest(service, request)
    if response.status >= 400 or operation.startswith(("List", "Describe")):
        return f"{service}.{operation}", 0, response
    if not all(part in request.body for part in TAG):
        return f"{service}.{operation}", 0, _refused(f"{service}.{operation} without the creator's tag")
    tagged = sum(name.startswith("ResourceId.") for name in params) if service == "ec2" else 1
    return f"{service}.{operation}", tagged, response


class FakeAws:
    """Serves until close() and keeps what was called."""

    def __init__(self):
        self.calls: list[Call] = []
        self._server = Server(self._handle)
        self.url = f"http://{self._server.address}"

    def close(self):
        self._server.close()

    def _handle(self, request: Request) -> Response:
        started = time.perf_counter_ns()
        operation, tagged, response = respond(request)
        # As every AWS service does; the SDKs compare the date with their clock.
        response.headers |= {"x-amzn-RequestId": "00000000-0000-4000-8000-000000000000",
                             "Date": formatdate(usegmt=True)}
        call = Call(operation, tagged, started)
        self.calls.append(call)

        def stamp():
            call.out_ns = time.perf_counter_ns()

        response.before_send = stamp
        return response
