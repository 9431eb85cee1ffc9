# Where ciphertext lies, and the vault's hand on its captures.
ap_library(blob SOURCES blob_dir.c LIBS ap_base)
ap_library(capture_spawn SOURCES capture_spawn.c capture_files.c capture_report.c segment_check.c
	LIBS ap_blob ap_capture_proto ap_age ap_webm PkgConfig::SODIUM)
