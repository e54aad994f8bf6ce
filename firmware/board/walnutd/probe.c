/* SPDX-License-Identifier: MIT */
/* walnut-probe [-w MILLISECONDS]: ask the service of this board once, or until it answers, and
 * print what it says of itself as `key=value` lines.  Exit 1: no answer. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "protocol.h"

#define TRY_MS 20

static bool ask(int udp, uint64_t sequence, struct answer *answer)
{
	const struct request echo = { .kind = KIND_ECHO, .sequence = sequence };
	uint8_t datagram[ANSWER_SIZE + 1];

	request_encode(&echo, datagram);
	if (send(udp, datagram, REQUEST_SIZE, 0) != REQUEST_SIZE) {
		/* Refused at once while nobody listens: the next try must not be at once, too. */
		usleep(TRY_MS * 1000);
		return false;
	}
	ssize_t size = recv(udp, datagram, sizeof datagram, 0);
	if (size < 0)
		usleep(TRY_MS * 100);
	return size > 0 && answer_decode(datagram, (size_t)size, answer) &&
	       answer->sequence == sequence;
}

static long elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)(now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static void print(const struct answer *answer)
{
	printf("release=%s\nstate_layout=%u\nticks=%llu\nbootid=", answer->release,
	       answer->state_layout, (unsigned long long)answer->ticks);
	for (int i = 0; i < BOOT_ID_SIZE; i++)
		printf("%02x", answer->boot_id[i]);
	printf("\n");
}

int probe_main(int argc, char **argv)
{
	struct sockaddr_in self = { .sin_family = AF_INET, .sin_port = htons(SERVICE_PORT) };
	const struct timeval patience = { .tv_usec = TRY_MS * 1000 };
	struct timespec start;
	struct answer answer;
	long wait_ms = 0;
	uint64_t sequence = 0;

	if (argc == 3 && strcmp(argv[1], "-w") == 0) {
		wait_ms = strtol(argv[2], NULL, 10);
	} else if (argc != 1) {
		fprintf(stderr, "usage: walnut-probe [-w MILLISECONDS]\n");
		return EXIT_USAGE;
	}
	self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (udp < 0 || connect(udp, (struct sockaddr *)&self, sizeof self) != 0 ||
	    setsockopt(udp, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
		perror("walnut-probe");
		return EXIT_FAILED;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		if (ask(udp, ++sequence, &answer)) {
			print(&answer);
			return 0;
		}
	} while (elapsed_ms(&start) < wait_ms);
	return EXIT_NO;
}
