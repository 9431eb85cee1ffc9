"""What a run leaves behind: no token, key, name or code stands in its log or its process list."""
import os
import pathlib
import re

from world import Case, instance, staff


class Traces(Case):
    def test_the_log_names_nobody(self):
        session, coach, coachee = instance().session(coach={"id": "pii-marker-coach", "name": "Zénobie Marqueur", "locale": "fr"})
        give = coach.give()
        coach.consent(give)
        instance().gateway_call("GET", f"/v1/party?token={coach.token}")
        instance().gateway_call("GET", f"/{coach.token}")
        coachee.call("POST", "/v1/party/messages", "a private message", media="text/plain")
        coach.call("POST", "/v1/party/requests", {"type": "access", "detail": "a private detail"})
        admin = staff("admin")
        log = instance().log()
        self.assertGreater(len(log), 500)
        demo = instance().demo
        secrets = [coach.token, coachee.token, demo["api_key"], admin.token, give["signature"], give["key"], give["share"]["ct"],
                   give["statement"], "pii-marker-coach", "Zénobie", "Claire", "Okafor", "c-1", "private message", "private detail",
                   "session of March", "AGE-SECRET-KEY", "Bearer"]
        secrets += [demo[user][what] for user in ("admin", "supervisor", "auditor") for what in ("password", "totp_secret")]
        for secret in secrets:
            self.assertFalse(re.search(rf"(?<![\w-]){re.escape(secret)}(?![\w-])", log), f"in the log: {secret}")
        self.assertNotRegex(log, r"[A-Za-z0-9_-]{43}", "nothing that looks like a token or key")

    def test_no_secret_on_a_command_line_or_in_an_environment(self):
        demo = instance().demo
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
                program = os.readlink(process / "exe")
            except OSError:
                continue
            if "aparte" in program:
                for secret in (demo["api_key"], demo["admin"]["password"], demo["session"]["coach"]["token"]):
                    self.assertNotIn(secret.encode(), text, program)

    def test_what_lies_on_disk_is_for_its_owner_only(self):
        for path in instance().home.rglob("*"):
            mode = path.lstat().st_mode & 0o777
            self.assertEqual(0o700 if path.is_dir() else 0o600, mode, path)

    def test_nothing_went_wrong_by_the_way(self):
        self.assertNotRegex(instance().log(), r"process_ended|permit|link_broken|sanitizer|CRITICAL|assertion")
