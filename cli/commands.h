/*
 * The subcommands of `aparte`, one file each: cli/<name>.c with ap_cmd_<name>().
 *
 * argv[0] is the subcommand's name. Each prints its own --help, takes --json where it answers with data, and
 * returns the exit status: AP_EXIT_OK, AP_EXIT_FAILED (it was tried and did not work; the reason is on stderr) or
 * AP_EXIT_USAGE (the command line is wrong; nothing was tried).
 */
#pragma once

#define AP_EXIT_OK 0
#define AP_EXIT_FAILED 1
#define AP_EXIT_USAGE 2

/* name, one line for `aparte --help` */
#define AP_COMMANDS(X)                                                          \
	X(init, "make an instance in $APARTE_HOME")                             \
	X(serve, "run gateway, vault and capture, and keep them running")       \
	X(demo, "a demo session and logins on the running instance")            \
	X(user, "staff: add, list, disable, new password, link to a person")    \
	X(tenant, "platforms and their API keys")                               \
	X(recipient, "recipients and processors: list, add, end")               \
	X(register, "the register of processing; what was disclosed")           \
	X(policy, "retention policies: list, show, set, preview")               \
	X(request, "requests of persons: list, open, decide, tick")             \
	X(hold, "legal holds: propose, confirm, lift")                          \
	X(proof, "proofs of consent that outlive recordings: list, open")       \
	X(erase, "erase a recording, a session's or a person's recordings")     \
	X(grant, "grants to supervisors and sponsors; approvals of accesses")   \
	X(review, "users and grants due for review: confirm or expire")         \
	X(conduct, "the code of conduct: set, status, acknowledge")             \
	X(ledger, "the log: verify receipts, certificates and the whole of it") \
	X(export, "decrypt a recording, or hand out its segments and identity") \
	X(rotate, "turn the key-encryption key over")                           \
	X(lockdown, "shut everything; enrol who lifts it, and lift it")         \
	X(incident, "incidents, their 72 hours, who was affected")              \
	X(clock, "confirm a wall clock that jumped")                            \
	X(backup, "make a backup now and prove it")                             \
	X(restore, "restore a backup to a new home; release what it froze")     \
	X(doctor, "check the instance and say what to do")                      \
	X(webhook, "platforms' webhooks; deliveries given up: retry, drop")      \
	X(age, "encrypt and decrypt age files, for auditors")

#define X(name, summary) int ap_cmd_##name(int argc, char **argv);
AP_COMMANDS(X)
#undef X
