# Witnesses: what speaks to them over the network.
target_sources(ap_vault_staff PRIVATE ledger/witness.c)
