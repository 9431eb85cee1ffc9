# What the operator answers for: register, recipients, roles, disclosures.
target_sources(ap_staff_db PRIVATE accountability/db_roles.c accountability/register.c db/db_overview.c)
target_sources(ap_vault_staff PRIVATE accountability/account.c accountability/facts.c api/api_account.c api/api_overview.c)
