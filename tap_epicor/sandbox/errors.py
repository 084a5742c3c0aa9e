"""The server's errors, with the bodies that were captured from real ones."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from xml.sax.saxutils import escape

import msgspec

BUSINESS = "Ice.Common.BusinessObjectException"
ODATA = "Microsoft.OData.ODataException"
MISSING = "Epicor.RESTApi.ErrorHandling.ApiException"
UNAUTHORIZED = "System.UnauthorizedAccessException"
LICENCE = "Ice.Common.LicenseAccessException"
SQL = "System.Data.SqlClient.SqlException"


class ServerError(Exception):
    """An answer other than the one asked for.

    Args:
        status: Its HTTP status.
        message: What the server says.
        kind: The .NET type of its exception.
    """

    def __init__(self, status: int, message: str, kind: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind

    def json(self) -> bytes:
        """The body for clients that accept JSON."""
        return msgspec.json.encode(self._fields())

    def xml(self) -> bytes:
        """The body for all others."""
        fields = self._fields()
        detail = {"Message": self.message, "Type": "Error"}
        inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in detail.items())
        parts = []
        for name, value in fields.items():
            text = f"<ErrorDetail>{inner}</ErrorDetail>" if name == "ErrorDetails" else escape(str(value))
            parts.append(f"<{name}>{text}</{name}>")
        return f'<?xml version="1.0" encoding="utf-8"?><Error>{"".join(parts)}</Error>'.encode()

    def _fields(self) -> dict[str, object]:
        return {
            "HttpStatus": self.status,
            "ReasonPhrase": "REST API Exception" if self.status == HTTPStatus.BAD_REQUEST else self._phrase(),
            "ErrorMessage": self.message,
            "ErrorType": self.kind,
            "ErrorDetails": [{"Message": self.message, "Type": "Error", "Table": "", "Field": ""}],
            "CorrelationId": str(uuid.uuid4()),
        }

    def _phrase(self) -> str:
        return HTTPStatus(self.status).phrase


class EmptyError(Exception):
    """A status 500 with nothing in it, as some filters on child sets give."""


class StallError(Exception):
    """An answer that does not come."""


class PageError(Exception):
    """An answer of IIS itself, in HTML.

    Args:
        code: Its code, such as `404.15`.
        text: What the page says.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.status = int(code.partition(".")[0])
        self.html = (
            '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">\r\n'
            f"<html><head><title>IIS 10.0 Detailed Error - {code}</title></head>"
            f"<body><h2>HTTP Error {code} - {HTTPStatus(self.status).phrase}</h2><p>{text}</p></body></html>"
        ).encode()


def bad_request(message: str) -> ServerError:
    """A query the server does not understand."""
    return ServerError(400, message, ODATA)


def business(message: str) -> ServerError:
    """A query that a business object refuses."""
    return ServerError(400, message, BUSINESS)


def not_found(segment: str) -> ServerError:
    """A part of the path that names nothing."""
    return ServerError(404, f"Resource not found for the segment '{segment}'.", MISSING)


def unknown_property(name: str, type_name: str) -> ServerError:
    """A column that the type does not have."""
    return bad_request(f"Could not find a property named '{name}' on type '{type_name}'.")
