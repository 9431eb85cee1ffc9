# The fuzz targets of what vault, capture, launcher and command line read.
ap_fuzz(decode MAX_LEN 1024 LIBS ap_age)
ap_fuzz(webm MAX_LEN 3072 LIBS ap_webm)
ap_fuzz(handoff MAX_LEN 5000 LIBS ap_base)
ap_fuzz(capture_message MAX_LEN 2200 LIBS ap_capture_proto)
ap_fuzz(capture_report MAX_LEN 512 LIBS ap_capture_spawn)
ap_fuzz(config MAX_LEN 2048 LIBS ap_base)
ap_fuzz(policy MAX_LEN 2048 LIBS ap_vault_rules)
