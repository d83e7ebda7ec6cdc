"""What the bytes of a sound file say without decoding it: whether its end is there, and what sound it holds."""

from __future__ import annotations

import hashlib
from typing import Iterator

_OGG_HEADER = 27
_OGG_LAST_PAGE = 0x04
_WAV_HEADER = 12
_SLACK = 1024
"""Bytes that writers of WAV headers miscount by."""


def is_cut(data: bytes) -> bool:
    """Whether an Ogg or WAV file lacks its end; False for what is neither."""
    if data[:4] == b"OggS":
        last = list(_ogg_pages(data))[-1:]
        return not last or not last[0][0] & _OGG_LAST_PAGE
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        n_promised = int.from_bytes(data[4:8], "little")
        # a recorder that could not go back to its header leaves 0 or the largest number
        return n_promised != 0xFFFFFFFF and n_promised + 8 > len(data) + _SLACK
    return False


def digest(data: bytes) -> bytes:
    """A hash of the sound alone: the same for a copy under another stream number, or with other tags.

    Of Ogg the packets after the first two pages, of FLAC the checksum of the samples, of WAV the data chunk, of others all.
    """
    if data[:4] == b"OggS":
        return hashlib.sha256(b"".join(body for _, body in list(_ogg_pages(data))[2:])).digest()
    if data[:4] == b"fLaC" and any(data[26:42]):
        return b"md5 " + data[26:42]
    if data[:4] == b"RIFF":
        return hashlib.sha256(_wav_data(data)).digest()
    return hashlib.sha256(data).digest()


def _ogg_pages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Flags and body of each page that is there to its end."""
    at = 0
    while data[at : at + 4] == b"OggS" and at + _OGG_HEADER <= len(data):
        n_segments = data[at + 26]
        begin = at + _OGG_HEADER + n_segments
        end = begin + sum(data[at + _OGG_HEADER : begin])
        if end > len(data):
            return
        yield data[at + 5], data[begin:end]
        at = end


def _wav_data(data: bytes) -> bytes:
    at = _WAV_HEADER
    while at + 8 <= len(data):
        n_bytes = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            return data[at + 8 : at + 8 + n_bytes]
        at += 8 + n_bytes + n_bytes % 2
    return data
