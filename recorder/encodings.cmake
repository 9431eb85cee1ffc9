# What is logged and proved: no database, so that the command line verifies with the same code.
ap_library(log_formats SOURCES ledger/leaf.c ledger/merkle.c ledger/merkle_verify.c ledger/note.c ledger/checkpoint.c ledger/cosignature.c ledger/consistency.c ledger/frontier.c ledger/log_file.c ledger/receipt.c LIBS ap_encodings)
# Shares, identities and where they are kept.
ap_library(keys SOURCES keys/keys.c keys/hpke.c keys/kek.c keys/secret_file.c keys/db_keys.c keys/db_keys_proof.c keys/db_keys_turnover.c LIBS ap_log_formats ap_db PkgConfig::OPENSSL)
