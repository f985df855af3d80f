"""A small server that speaks as much of S3 as the objects need: whole objects, parts, ranges, conditions, lists.

It is ours and no proof that a given S3 understands us; it shows that what we ask of the library becomes the requests
that S3's own documentation names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.serving import bound_socket, serving

KEY = re.compile("<Key>(.*?)</Key>")
WHEN = "2020-08-27T02:00:00.000Z"


@dataclass
class Bucket:
    objects: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)

    async def answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        query = request.query_params
        match request.method:
            case "GET" if not name:
                return self._list(query.get("prefix", ""))
            case "POST" if "delete" in query:
                named = KEY.findall((await request.body()).decode())
                for one in named:
                    self.objects.pop(one, None)
                gone = "".join(f"<Deleted><Key>{one}</Key></Deleted>" for one in named)
                return Response(f"<DeleteResult>{gone}</DeleteResult>", media_type="application/xml")
            case "POST" if "uploads" in query:
                upload = f"upload-{len(self.parts)}"
                self.parts[upload] = {}
                return Response(f"<R><UploadId>{upload}</UploadId></R>", media_type="application/xml")
            case "POST":
                parts = self.parts.pop(query["uploadId"])
                self.objects[name] = b"".join(parts[number] for number in sorted(parts))
                return Response('<R><ETag>"whole"</ETag></R>', media_type="application/xml")
            case "PUT" if "uploadId" in query:
                content = await request.body()
                self.parts[query["uploadId"]][int(query["partNumber"])] = content
                return Response(headers={"ETag": _tag(content)})
            case "PUT":
                if request.headers.get("if-none-match") == "*" and name in self.objects:
                    return Response(status_code=412)
                self.objects[name] = await request.body()
                return Response(headers={"ETag": _tag(self.objects[name])})
            case "DELETE":
                self.objects.pop(name, None)
                return Response(status_code=204)
        return self._get(name, request.headers.get("range"))

    def _get(self, name: str, asked: str | None) -> Response:
        content = self.objects.get(name)
        if content is None:
            return Response("<Error><Code>NoSuchKey</Code></Error>", 404, media_type="application/xml")
        headers = {"ETag": _tag(content), "Last-Modified": "Thu, 27 Aug 2020 02:00:00 GMT"}
        if asked is None:
            return Response(content, headers=headers)
        start, _, last = asked.removeprefix("bytes=").partition("-")
        end = min(int(last) + 1, len(content))
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        return Response(content[int(start) : end], 206, headers)

    def _list(self, prefix: str) -> Response:
        rows = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>{WHEN}</LastModified><Size>{len(content)}</Size>"
            f"<ETag>{escape(_tag(content))}</ETag></Contents>"
            for name, content in sorted(self.objects.items())
            if name.startswith(prefix)
        )
        text = f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
        return Response(text, media_type="application/xml")


def _tag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


@asynccontextmanager
async def served(bucket: Bucket) -> AsyncIterator[str]:
    """The address under which the bucket `pictures` is reached."""

    async def root(request: Request) -> Response:
        request.path_params["name"] = ""
        return await bucket.answer(request)

    whole = Route("/pictures", root, methods=["GET", "POST"])
    one = Route("/pictures/{name:path}", bucket.answer, methods=["GET", "HEAD", "PUT", "POST", "DELETE"])
    async with serving(Starlette(routes=[whole, one]), bound_socket(0)) as url:
        yield url
