#!/usr/bin/python3
"""
Verifies a receipt or certificate from docs/FORMAT.md alone; shares no code with Aparté.

    independent_verify.py RECEIPT.json VERIFIER_KEY [STATEMENT]
"""
import base64
import hashlib
import json
import sys

import nacl.signing


def sha256(data):
    return hashlib.sha256(data).digest()


def b64u(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


receipt, vkey = json.load(open(sys.argv[1])), sys.argv[2]

# The leaf is made of type, salt and body.
kind, body = bytes([receipt["type"]]), receipt["body"].encode()
leaf = b"\x01" + kind + sha256(b"aparte/leaf-body/v1\x00" + kind + b64u(receipt["salt"]) + body)
assert leaf == b64u(receipt["leaf"]), "leaf"

# The body speaks of one's own statement.
if len(sys.argv) > 3:
    said = json.loads(receipt["body"])["statement_sha256"]
    assert said == hashlib.sha256(open(sys.argv[3], "rb").read()).hexdigest(), "statement"

# RFC 9162, 2.1.3.2: from the leaf's hash to the root.
index, last, root = receipt["leaf_index"], receipt["tree_size"] - 1, sha256(b"\x00" + leaf)
assert 0 <= index <= last, "index"
for part in map(base64.b64decode, receipt["inclusion_proof"]):
    assert last > 0, "proof too long"
    if index & 1 or index == last:
        root = sha256(b"\x01" + part + root)
        while not index & 1 and index:
            index, last = index >> 1, last >> 1
    else:
        root = sha256(b"\x01" + root + part)
    index, last = index >> 1, last >> 1
assert last == 0, "proof too short"

# The signed checkpoint says the same root, under the key known beforehand.
name, key_id, key = vkey.split("+", 2)
key = base64.b64decode(key)
assert key[:1] == b"\x01" and sha256(name.encode() + b"\n" + key)[:4].hex() == key_id, "verifier key"
text, signatures = receipt["checkpoint"].split("\n\n", 1)
origin, size, root64 = text.split("\n")[:3]
assert origin == name and int(size) == receipt["tree_size"] and base64.b64decode(root64) == root, "root"
line = next(line for line in signatures.splitlines() if line.startswith("— " + name + " "))
signature = base64.b64decode(line.split(" ")[2])
assert signature[:4].hex() == key_id, "key id"
nacl.signing.VerifyKey(key[1:]).verify((text + "\n").encode(), signature[4:])

print("verified: type", receipt["type"], "leaf", receipt["leaf_index"], "of", receipt["tree_size"])
