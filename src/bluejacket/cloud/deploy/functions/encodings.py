"""Functions that write strings otherwise, and those that make names of them.

Source: Azure Resource Manager, "String functions for ARM templates"; RFC 3986, 4122 and 4648.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import Any
from urllib.parse import quote, unquote, urljoin

from bluejacket.cloud.deploy import jsonc
from bluejacket.cloud.deploy.expressions import ExpressionError
from bluejacket.cloud.deploy.functions.table import Library
from bluejacket.cloud.deploy.scope import Scope, Stage

ENCODINGS = Library()
_GUIDS = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
"""The name space of `guid`, as Microsoft's documentation of the function gives it."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_WORD = 0xFFFFFFFF


@ENCODINGS.add("base64", "s")
def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@ENCODINGS.add("base64ToString", "s")
def _base64_to_string(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise ExpressionError(
            "The template language function 'base64ToString' was invoked with a parameter that is not valid: "
            "it is no base64 of a UTF-8 string."
        ) from None


@ENCODINGS.add("base64ToJson", "s")
def _base64_to_json(text: str) -> Any:
    return jsonc.read(_base64_to_string(text))


@ENCODINGS.add("dataUri", "s")
def _data_uri(text: str) -> str:
    return f"data:text/plain;charset=utf8;base64,{_base64(text)}"


@ENCODINGS.add("dataUriToString", "s")
def _data_uri_to_string(text: str) -> str:
    head, comma, data = text.partition(",")
    if not head.lower().startswith("data:") or not comma:
        raise ExpressionError("The template language function 'dataUriToString' expects a data URI.")
    return _base64_to_string(data) if head.lower().endswith(";base64") else unquote(data)


@ENCODINGS.add("uri", "ss")
def _uri(base: str, relative: str) -> str:
    if "://" not in base:
        raise ExpressionError(f"The template language function 'uri' expects an absolute URI, not '{base}'.")
    return urljoin(base, relative)


@ENCODINGS.add("uriComponent", "s")
def _uri_component(text: str) -> str:
    return quote(text, safe="")


@ENCODINGS.add("uriComponentToString", "s")
def _uri_component_to_string(text: str) -> str:
    return unquote(text)


@ENCODINGS.add("guid", "s*")
def _guid(*parts: str) -> str:
    """A UUID of version 5 (RFC 4122, section 4.3) of the parts with `-` between them."""
    return str(uuid.uuid5(_GUIDS, "-".join(parts)))


@ENCODINGS.add("newGuid", "", scoped=True)
def _new_guid(scope: Scope) -> str:
    if scope.stage is not Stage.DEFAULT:
        raise ExpressionError(
            "The template function 'newGuid' is not expected at this location. "
            "Please see https://aka.ms/arm-functions for usage details."
        )
    return scope.host.new_guid(scope.place)


@ENCODINGS.add("uniqueString", "s*")
def unique_string(*parts: str) -> str:
    """Give the 13 characters that Azure gives: a 64-bit hash in base 32.

    The hash is MurmurHash 3 of 128 bits for 32-bit machines, cut down to two of its four lanes, with other
    shifts. Microsoft documents neither; its published library and independent ports agree on it, and the
    test has values that were taken from Bicep.
    """
    number = _hash("-".join(parts).encode())
    return "".join(_LETTERS[number >> shift & 31] for shift in range(59, 0, -5)) + _LETTERS[number << 1 & 31]


def _hash(data: bytes) -> int:
    first = second = 0
    whole = len(data) - len(data) % 8
    for at in range(0, whole, 8):
        first ^= _mixed(data[at : at + 4], 0x239B961B, 15, 0xAB0E9789)
        first = (_rotated(first, 19) + second) * 5 + 0x561CCD1B & _WORD
        second ^= _mixed(data[at + 4 : at + 8], 0xAB0E9789, 17, 0x239B961B)
        second = (_rotated(second, 13) + first) * 5 + 0x0BCAA747 & _WORD
    if data[whole:]:
        first ^= _mixed(data[whole : whole + 4], 0x239B961B, 15, 0xAB0E9789)
    if data[whole + 4 :]:
        second ^= _mixed(data[whole + 4 :], 0xAB0E9789, 17, 0x239B961B)
    second ^= len(data)
    first = (first ^ len(data)) + second & _WORD
    second = second + first & _WORD
    first, second = _spread(first), _spread(second)
    first = first + second & _WORD
    second = second + first & _WORD
    return second << 32 | first


def _mixed(piece: bytes, before: int, turn: int, after: int) -> int:
    return _rotated(int.from_bytes(piece, "little") * before & _WORD, turn) * after & _WORD


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _WORD


def _spread(word: int) -> int:
    word = (word ^ word >> 16) * 0x85EBCA6B & _WORD
    word = (word ^ word >> 13) * 0xC2B2AE35 & _WORD
    return word ^ word >> 16
