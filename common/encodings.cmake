# Age files and what they are made of: all that capture needs, no JSON, no database.
ap_library(age SOURCES age_key.c age_header.c age_write.c age_read.c bech32.c encode.c hkdf.c
	LIBS ap_base PkgConfig::SODIUM)
# Canonical JSON on top.
ap_library(encodings SOURCES jcs.c jcs_read.c LIBS ap_age PkgConfig::JSON)
