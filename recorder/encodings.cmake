# What is logged and proved: no database, so that the command line verifies with the same code.
ap_library(log_formats SOURCES leaf.c merkle.c merkle_verify.c checkpoint.c receipt.c LIBS ap_encodings)
# Shares, identities and where they are kept.
ap_library(keys SOURCES keys.c hpke.c kek.c secret_file.c db_keys.c db_keys_turnover.c LIBS ap_log_formats ap_db PkgConfig::OPENSSL)
