"""docs/FORMAT.md a second time, in Python and from the document alone: what a stranger needs to take part and to check.

Shares no code with Aparté. Bytes in, bytes out, unless a name says otherwise; wrong input raises (AssertionError, ValueError
or the library's own).
"""
import base64
import hashlib
import hmac
import json
import os
import uuid

import nacl.bindings
import nacl.signing
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ROLE = {"coach": b"\x01", "coachee": b"\x02"}


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text):
    assert "=" not in text, "base64url stands without padding"
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def canonical(value):
    """RFC 8785 for what is used here: no floats; member names sorted by UTF-16 code units."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(canonical(name) + ":" + canonical(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    assert not isinstance(value, float), "no floats"
    return json.dumps(value, ensure_ascii=False)


# Share in transit.

def commitment(session, role, share):
    return sha256(b"aparte/share-commitment/v1\0", uuid.UUID(session).bytes, ROLE[role], share)


def _extract(suite, salt, label, ikm):
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def _expand(suite, prk, label, info, length):
    text = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, text + b"\x01", "sha256")[:length]  # never more than one block here


def hpke_seal(recipient, info, aad, plaintext, ephemeral=None):
    """RFC 9180 base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM: (enc, ct)."""
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
    secret = ephemeral or os.urandom(32)
    enc = nacl.bindings.crypto_scalarmult_base(secret)
    shared = _extract(kem, b"", b"eae_prk", nacl.bindings.crypto_scalarmult(secret, recipient))
    shared = _expand(kem, shared, b"shared_secret", enc + recipient, 32)
    context = b"\0" + _extract(suite, b"", b"psk_id_hash", b"") + _extract(suite, b"", b"info_hash", info)
    prk = _extract(suite, shared, b"secret", b"")
    key, nonce = _expand(suite, prk, b"key", context, 32), _expand(suite, prk, b"base_nonce", context, 12)
    return enc, AESGCM(key).encrypt(nonce, plaintext, aad)


def seal_share(seal, session, role, statement, share, ephemeral=None):
    info = b"aparte/share-seal/v1\0" + uuid.UUID(session).bytes + ROLE[role]
    return hpke_seal(seal, info, sha256(statement.encode()), share, ephemeral)


# Presence.

def presence_bytes(session, generation, counter):
    return (b"aparte/presence/v1\0" + uuid.UUID(session).bytes + generation.to_bytes(8, "big") + counter.to_bytes(8, "big"))


# The log.

def leaf(kind, salt, body):
    return b"\x01" + bytes([kind]) + sha256(b"aparte/leaf-body/v1\0", bytes([kind]), salt, body.encode())


def leaf_hash(data):
    return sha256(b"\0", data)


def node_hash(left, right):
    return sha256(b"\x01", left, right)


def root_of(hashes):
    """Merkle tree hash of leaf hashes (RFC 6962, 2.1)."""
    if not hashes:
        return sha256(b"")
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(root_of(hashes[:split]), root_of(hashes[split:]))


def root_from_inclusion(index, size, hashed, proof):
    """RFC 9162, 2.1.3.2."""
    assert 0 <= index < size, "index"
    last = size - 1
    for part in proof:
        assert last > 0, "the proof is too long"
        if index & 1 or index == last:
            hashed = node_hash(part, hashed)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            hashed = node_hash(hashed, part)
        index, last = index >> 1, last >> 1
    assert last == 0, "the proof is too short"
    return hashed


def check_consistency(first, second, first_root, second_root, proof):
    """RFC 9162, 2.1.4.2."""
    assert 0 < first <= second
    if first == second:
        assert not proof and first_root == second_root
        return
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for part in path[1:]:
        assert sn > 0, "the proof is too long"
        if fn & 1 or fn == sn:
            fr, sr = node_hash(part, fr), node_hash(part, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, part)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0 and fr == first_root and sr == second_root, "the proof does not join the roots"


def parse_vkey(vkey):
    """A signed-note verifier key: (name, key id, Ed25519 public key)."""
    name, key_id, key = vkey.split("+", 2)
    key = base64.b64decode(key, validate=True)
    assert key[:1] == b"\x01" and len(key) == 33, "an Ed25519 key"
    assert sha256(name.encode() + b"\n" + key)[:4].hex() == key_id, "key id"
    return name, bytes.fromhex(key_id), key[1:]


def check_checkpoint(text, vkey):
    """C2SP tlog-checkpoint and signed-note: (size, root) once the signature holds under this key."""
    name, key_id, key = parse_vkey(vkey)
    note, signatures = text.split("\n\n", 1)
    lines = note.split("\n")
    assert lines[0] == name, "origin"
    assert lines[1] == str(int(lines[1])), "size"
    assert signatures.endswith("\n"), "every signature line ends"
    line = next(line for line in signatures.splitlines() if line.startswith(f"— {name} "))
    signature = base64.b64decode(line.split(" ")[2], validate=True)
    assert signature[:4] == key_id and len(signature) == 68, "signature line"
    nacl.signing.VerifyKey(key).verify((note + "\n").encode(), signature[4:])
    return int(lines[1]), base64.b64decode(lines[2], validate=True)


def check_receipt(receipt, vkey, statement=None):
    """A receipt or certificate, wholly; gives its body."""
    data = leaf(receipt["type"], unb64u(receipt["salt"]), receipt["body"])
    assert data == unb64u(receipt["leaf"]), "leaf"
    assert len(unb64u(receipt["salt"])) == 32, "salt"
    body = json.loads(receipt["body"])
    assert canonical(body) == receipt["body"], "the body is RFC 8785"
    if statement is not None:
        assert body["statement_sha256"] == sha256(statement.encode()).hex(), "statement"
    proof = [base64.b64decode(part, validate=True) for part in receipt["inclusion_proof"]]
    root = root_from_inclusion(receipt["leaf_index"], receipt["tree_size"], leaf_hash(data), proof)
    assert receipt["log_key"] == vkey, "log key"
    assert check_checkpoint(receipt["checkpoint"], vkey) == (receipt["tree_size"], root), "checkpoint"
    return body
