/* SPDX-License-Identifier: MIT */
/* One static binary, told by its name what to do; and walnut-state, which is a line. */
#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "store.h"

/* walnut-state [FOLDER]: print `absent`, `corrupt` or `layout=N` for the stored state. */
int state_main(int argc, char **argv)
{
	static struct state state;
	uint16_t layout;
	enum reading reading = store_load(argc > 1 ? argv[1] : STORE_FOLDER, &state, &layout);

	if (reading == READING_ABSENT)
		printf("absent\n");
	else if (reading == READING_CORRUPT)
		printf("corrupt\n");
	else
		printf("layout=%u\n", layout);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} programs[] = {
		{ "walnutd", serve_main },
		{ "walnut-probe", probe_main },
		{ "walnut-state", state_main },
		{ "walnut-flash", flash_main },
		{ "walnut-prom", prom_main },
		{ "walnut-fit", fit_main },
	};
	const char *name = basename(argv[0]);

	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		if (strcmp(name, programs[i].name) == 0)
			return programs[i].run(argc, argv);
	fprintf(stderr, "walnutd: no program %s\n", name);
	return EXIT_USAGE;
}
