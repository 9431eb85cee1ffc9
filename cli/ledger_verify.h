/*
 * aparte ledger verify --receipt: a receipt or certificate, verified offline. `aparte ledger` hands over to it.
 *
 * argv[0] is "verify". Exit status as in commands.h: 1 when the receipt does not hold.
 */
#pragma once

int ap_cmd_ledger_verify(int argc, char **argv);
