# What the vault and its captures share.
ap_library(webm SOURCES webm.c webm_read.c LIBS ap_base)
ap_library(sandbox SOURCES sandbox.c seccomp.c LIBS ap_base PkgConfig::SECCOMP)
ap_library(capture_proto SOURCES capture_proto.c LIBS ap_base)
