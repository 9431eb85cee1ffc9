# Both persons side by side in a person's archive.
target_sources(ap_vault_staff PRIVATE portability/archive_film.c portability/compose.c portability/film.c)
target_link_libraries(ap_vault_staff PUBLIC ap_capture_proto ap_webm ap_age)
