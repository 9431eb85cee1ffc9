# The restricted archive of proofs of consent (R40).
target_sources(ap_vault_staff PRIVATE proof/proof.c proof/proof_open.c proof/proof_document.c proof/db_proof.c proof/db_forget.c
	proof/proof_purge.c
	api/api_proofs.c)
