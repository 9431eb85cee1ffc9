# The client to the vault's staff API, and what its subcommands need of libraries.
add_library(ap_client STATIC client.c)
target_link_libraries(ap_client PUBLIC ap_flags ap_base ap_log_formats PkgConfig::SOUP PkgConfig::JSON PkgConfig::QRENCODE)
