"""What a thief of disks could do: copies of databases and key files, searched and tried from docs/FORMAT.md alone."""
import hashlib
import shutil
import sqlite3
import subprocess
import uuid

import aparte_client as client
import aparte_format as fmt
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt
from nacl.exceptions import CryptoError


def copied(database, into):
    """A database as it lies, with what is not checkpointed yet; not its -shm, an index that a reader makes anew and that a copy
    taken in the midst of a write would get wrong."""
    into.mkdir(exist_ok=True)
    for path in (database, database.with_name(database.name + "-wal")):
        if path.exists():
            shutil.copy(path, into / path.name)
    return into / database.name


def shares(keys, owners):
    """Wrapped shares in a copy of keys.db of those owners (ids as text): [(owner, slot, session, kek_id, nonce, wrapped)]."""
    with sqlite3.connect(keys) as database:
        rows = database.execute("SELECT owner, slot, session, kek_id, nonce, wrapped FROM share").fetchall()
    wanted = {uuid.UUID(owner).bytes for owner in owners}
    return [row for row in rows if row[0] in wanted]


def owners(meeting):
    """Whose shares open a recording: its two persons' (by record_id) and the vault's own."""
    bodies = [fmt.json.loads(receipt["body"]) for receipt in meeting.receipts]
    return [*(body["record_id"] for body in bodies), meeting.recording]


def opens(row, kek, meeting):
    """Does this key-encryption key unwrap the row?"""
    owner, slot, session, _, nonce, wrapped = row
    hashes = [fmt.leaf_hash(fmt.unb64u(receipt["leaf"])) for receipt in meeting.receipts]
    key_id = hashlib.sha256(b"aparte/kek-id/v1\0" + kek).digest()[:16]
    bound = owner + (b"".join(hashes) if slot == 3 else hashes[slot - 1])
    try:
        decrypt(wrapped, b"aparte/share-wrap/v1\0" + key_id + session + bytes([slot]) + bound, nonce, kek)
        return True
    except CryptoError:
        return False


def read(path):
    """Its bytes; none where it went meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def found(needles, *tops):
    """Files below that hold one of these bytes, as they are or in hexadecimal."""
    spelled = [spelling for needle in needles for spelling in (needle, needle.hex().encode(), needle.hex().upper().encode())]
    hits = []
    for top in tops:
        for path in top.rglob("*"):
            if path.is_file() and not path.is_symlink():
                data = read(path)
                hits += [path for spelling in spelled if spelling in data]
    return sorted(set(hits))


def opened_parts(directory, operator):
    """Every sealed part of a backup, in clear, as the restore operator has it."""
    for path in sorted(directory.glob("*/*.age")):
        if path.parent.name not in ("keys", "vault"):
            continue
        done = subprocess.run(["age", "-d", "-i", operator, path], capture_output=True)
        if done.returncode == 0:
            yield path, done.stdout
        else:  # overwritten just now, which is how a part is destroyed: its name goes next
            client.until(f"{path.name} is gone", lambda: not path.exists(), 15)
