"""Microphones: the one of each source, who holds it, and whether the service may use it."""

from __future__ import annotations

import grp
import pwd
from pathlib import Path
from typing import Iterator

from daemon.capture import device as named
from daemon.capture import process, require_pyaudio
from daemon.errors import DeviceError
from daemon.service.doctor.finding import Finding, fail, note, ok
from daemon.service.doctor.place import Place, is_jetson

OURS = "affectd"
WITHOUT = {"audio": "sound cards may be out of reach", "jtop": "no watts are logged"}


def devices(place: Place) -> Iterator[Finding]:
    """Each source's, else what there is."""
    sources = place.settings.source if place.settings else ()
    try:
        require_pyaudio()
        known = process.devices()
    except DeviceError as trouble:
        yield note("microphone", str(trouble))
        return
    real = [device for device in known if not device.is_dummy]
    if not sources:
        names = ", ".join(repr(device.name) for device in real) or "none"
        yield note("microphone", f"there is {names}; the settings name none", "affectd devices")
    for source in sources:
        what = f"source {source.name}"
        if source.recording:
            yield _of_recording(what, source.recording)
            continue
        try:
            device = named.find(source.device, known)
        except DeviceError as trouble:
            yield fail(what, str(trouble), "", trouble.exit_code)
            continue
        holder = held_by(device.card_id, place.root)
        if device.is_dummy:
            yield note(what, f"{device.name} is a dummy: it never hears anything", "affectd devices")
        elif holder and OURS not in holder:
            yield fail(what, f"{device.name} is held by {holder}", f"stop {holder}, or let it share the card", 3)
        else:
            yield ok(what, f"{device.name}{', held by the service' if holder else ''}")


def groups(place: Place) -> Iterator[Finding]:
    """Of who runs the service."""
    user = place.user
    for group, wanted in (("audio", True), ("jtop", is_jetson(place.root))):
        if not wanted or user == "root":
            continue
        if group in place.groups or user in _members(group):
            yield ok(f"group {group}", f"{user} is a member")
        else:
            do = f"sudo usermod -aG {group} {user}, then log in anew"
            yield note(f"group {group}", f"{user} is no member: {WITHOUT[group]}", do)


def held_by(card_id: str, root: Path) -> str:
    """The program that has the card open for capture, as ALSA tells; empty: nobody, or it is no card."""
    for status in sorted((root / "proc/asound").glob(f"{card_id}/pcm*c/sub*/status")) if card_id else []:
        words = dict(line.split(":", 1) for line in status.read_text(errors="replace").splitlines() if ":" in line)
        owner = next((value.strip() for name, value in words.items() if name.strip() == "owner_pid"), "")
        if owner:
            return f"{_program(root, owner)} (process {owner})"
    return ""


def _program(root: Path, process: str) -> str:
    try:
        words = (root / "proc" / process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "a program"
    # a Python program is named by its script
    names = [Path(word).name for word in words[:2] if word]
    return names[-1] if len(names) == 2 and names[0].startswith("python") else names[0] if names else "a program"


def _of_recording(what: str, recording: str) -> Finding:
    if Path(recording).is_file():
        return note(what, f"plays the recording {recording} instead of a microphone")
    return fail(what, f"the recording {recording} is not there", "name another in the settings", 2)


def _members(group: str) -> set[str]:
    try:
        entry = grp.getgrnam(group)
    except KeyError:
        return set()
    return {*entry.gr_mem, *(user.pw_name for user in pwd.getpwall() if user.pw_gid == entry.gr_gid)}
