"""The public log on both listeners: key, checkpoints, leaves, proofs, all recomputed here."""
import base64

import aparte_format as fmt
from world import Case, instance, vkey


class Ledger(Case):
    @classmethod
    def setUpClass(cls):
        _, cls.coach, _ = instance().session()
        for _ in range(5):
            assert cls.coach.consent(cls.coach.give()).status == 201
            assert cls.coach.consent(cls.coach.decide()).status == 201

    def get(self, what, status=200):
        answer = instance().vault_call("GET", f"/v1/ledger/{what}")
        self.assertEqual(status, answer.status, answer)
        return answer

    def checkpoint(self):
        return fmt.check_checkpoint(self.get("checkpoint").body.decode(), vkey())

    def leaves(self, size):
        """All of them, however few come at a time."""
        found = []
        while len(found) < size:
            answer = self.get(f"leaves?from={len(found)}&count={size - len(found)}").json
            part = answer["leaves"] if isinstance(answer, dict) else answer
            self.assertTrue(part)
            found += [fmt.unb64u(leaf if isinstance(leaf, str) else leaf["leaf"]) for leaf in part]
        return found

    def test_key(self):
        name, _, _ = fmt.parse_vkey(vkey())
        self.assertRegex(name, r"^[^/+ ]+/aparte/log/\d+$")
        self.assertEqual(vkey(), self.get("key").body.decode().strip(), "the same on both listeners")
        self.assertEqual(vkey(), self.coach.notice()["log_key"])

    def test_the_checkpoint_is_the_root_of_the_leaves(self):
        size, root = self.checkpoint()
        leaves = self.leaves(size)
        self.assertEqual({34}, {len(leaf) for leaf in leaves})
        self.assertTrue(all(leaf[0] == 1 and leaf[1] in range(1, 17) for leaf in leaves))
        self.assertEqual(root, fmt.root_of([fmt.leaf_hash(leaf) for leaf in leaves]))

    def test_every_inclusion_proof(self):
        size, root = self.checkpoint()
        leaves = self.leaves(size)
        for index in range(size):
            proof = self.get(f"proof?leaf={index}&size={size}").json
            self.assertEqual((index, size), (proof["leaf_index"], proof["tree_size"]))
            hashes = [base64.b64decode(part, validate=True) for part in proof["hashes"]]
            self.assertEqual(root, fmt.root_from_inclusion(index, size, fmt.leaf_hash(leaves[index]), hashes))

    def test_consistency(self):
        size, root = self.checkpoint()
        hashes = [fmt.leaf_hash(leaf) for leaf in self.leaves(size)]
        for first in range(1, size + 1):
            answer = self.get(f"consistency?from={first}&to={size}").json
            part = answer["hashes"] if isinstance(answer, dict) else answer
            proof = [base64.b64decode(text, validate=True) for text in part]
            fmt.check_consistency(first, size, fmt.root_of(hashes[:first]), root, proof)

    def test_a_receipt_grows_with_the_log(self):
        before, old_root = self.checkpoint()
        self.coach.consent(self.coach.decide())
        after, new_root = self.checkpoint()
        self.assertGreater(after, before)
        answer = self.get(f"consistency?from={before}&to={after}").json
        part = answer["hashes"] if isinstance(answer, dict) else answer
        fmt.check_consistency(before, after, old_root, new_root, [base64.b64decode(text) for text in part])

    def test_wrong_questions(self):
        size, _ = self.checkpoint()
        for what in (f"proof?leaf={size}&size={size}", f"proof?leaf=0&size={size + 100}", "proof", "proof?leaf=-1&size=1", "proof?leaf=a&size=b",
                     f"consistency?from={size}&to=1", "consistency", f"consistency?from=1&to={size + 100}", "leaves?from=x&count=1"):
            for where in (instance().gateway_call, instance().vault_call):
                answer = where("GET", f"/v1/ledger/{what}")
                self.assertIn(answer.error, ("malformed", "invalid", "not-found"), f"{what} {answer}")
        self.problem(instance().gateway_call("GET", "/v1/ledger/bodies"), "not-found")
        self.problem(instance().vault_call("GET", "/v1/ledger/bodies"), "not-found")

    def test_the_gateway_says_the_same(self):
        size, _ = self.checkpoint()
        for what in ("key", f"proof?leaf=1&size={size}", f"consistency?from=2&to={size}", "leaves?from=0&count=3"):
            self.assertEqual(self.get(what).body, instance().gateway_call("GET", f"/v1/ledger/{what}").body, what)
