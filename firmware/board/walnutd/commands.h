/* SPDX-License-Identifier: MIT */
/* The programs behind the one binary.  Exit codes: 0 done, 1 no, 2 usage, 4 failed. */
#ifndef COMMANDS_H
#define COMMANDS_H

#define EXIT_NO 1
#define EXIT_USAGE 2
#define EXIT_FAILED 4

int serve_main(int argc, char **argv);
int probe_main(int argc, char **argv);
int state_main(int argc, char **argv);
int flash_main(int argc, char **argv);
int prom_main(int argc, char **argv);
int fit_main(int argc, char **argv);

#endif
