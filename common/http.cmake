ap_library(http SOURCES http.c http_listen.c http_head.c http_request.c http_answer.c http_stream.c http_tls.c static_files.c
	LIBS ap_problem PkgConfig::SOUP PkgConfig::JSON)
