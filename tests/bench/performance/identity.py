"""The keys of a recording under way, as docs/FORMAT.md derives them: from both persons' shares, which who plays both persons
has, and the vault's, which lies in keys.db under the key-encryption key. So a bench can read what a withdrawal erases.
"""
import hashlib
import hmac
import sqlite3
import uuid

import nacl.bindings

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
USES = {"coach": b"\x01", "coachee": b"\x02"}


def vault_share(home, session, recording, leaf_hashes):
    kek = (home / "vault/kek").read_bytes()
    kek_id = hashlib.sha256(b"aparte/kek-id/v1\0" + kek).digest()[:16]
    with sqlite3.connect(f"file:{home}/vault/keys.db?mode=ro", uri=True) as db:
        found = db.execute("SELECT nonce, wrapped FROM share WHERE owner = ? AND slot = 3", (uuid.UUID(recording).bytes,))
        nonce, wrapped = found.fetchone()
    place = uuid.UUID(session).bytes + b"\x03" + uuid.UUID(recording).bytes + b"".join(leaf_hashes)
    bound = b"aparte/share-wrap/v1\0" + kek_id + place
    return nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(wrapped, bound, nonce, kek)


def derive(shares, session, recording, leaf_hashes, role):
    """One track's age identity; `shares` in the order coach, coachee, vault."""
    label = b"aparte/identity/v1"
    info = label + b"\0" + uuid.UUID(session).bytes + uuid.UUID(recording).bytes + b"".join(leaf_hashes) + USES[role]
    return text(hmac.digest(hmac.digest(label, b"".join(shares), "sha256"), info + b"\x01", "sha256"))


def text(secret):
    """As age writes it: bech32 (BIP 173)."""
    name = "age-secret-key-"
    words, bits, value = [], 0, 0
    for byte in secret:
        value, bits = value << 8 | byte, bits + 8
        while bits >= 5:
            bits -= 5
            words.append(value >> bits & 31)
    words.append(value << 5 - bits & 31)
    head = [ord(c) >> 5 for c in name] + [0] + [ord(c) & 31 for c in name]
    check = _polymod([*head, *words, *[0] * 6]) ^ 1
    words += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return (name + "1" + "".join(CHARSET[word] for word in words)).upper()


def _polymod(values):
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1ffffff) << 5 ^ value
        for i, generator in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
            check ^= generator if top >> i & 1 else 0
    return check
