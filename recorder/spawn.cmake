# Where ciphertext lies, and the vault's hand on its captures.
ap_library(blob SOURCES recording/blob_dir.c LIBS ap_base)
ap_library(capture_spawn SOURCES recording/capture_spawn.c recording/capture_files.c recording/capture_report.c recording/segment_check.c
	LIBS ap_blob ap_capture_proto ap_age ap_webm PkgConfig::SODIUM)
