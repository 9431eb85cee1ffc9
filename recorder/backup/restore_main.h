/*
 * `aparte-recorder restore`: what `aparte restore` runs while the instance does not. Its arguments are checked there.
 */
#pragma once

int ap_restore_main(int argc, char **argv);
