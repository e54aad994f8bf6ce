/* SPDX-License-Identifier: MIT */
/* walnutd: the service's sockets and its heartbeat, in one loop.
 *
 * A tick of the driver sends one probe datagram to the service's own port.  It goes the way of
 * every request; only when its answer is back is a pulse written to the heartbeat line.  So the
 * line stops when the data path stops.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "commands.h"
#include "service.h"
#include "store.h"
#include "walnut_io.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define ACCEPTED_FILE "/run/accepted"
#define RECEIVE_BUFFER (1 << 20)
#define PRIORITY 10
/* Newer services (level 2) take requests in batches: fewer system calls under load. */
#define BATCH (SERVICE_LEVEL >= 2 ? 16 : 1)
#define DATAGRAM_SIZE 128 /* larger than any request, so that too long ones are seen as such */

struct files {
	int service;   /* UDP, port 7 */
	int probe;     /* UDP, the heartbeat's own client */
	int io;        /* the driver */
	int heartbeat; /* serial line */
};

static bool save(void *context, const struct state *state)
{
	(void)context;
	return store_save(STORE_FOLDER, state);
}

/* etc/init.d/accept makes it once no upgrade is pending any more. */
static bool confirmed(void *context)
{
	(void)context;
	return access(ACCEPTED_FILE, F_OK) == 0;
}

static int fail(const char *what)
{
	fprintf(stderr, "walnutd: %s: %s\n", what, strerror(errno));
	return -1;
}

static int open_service(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(SERVICE_PORT) };
	int size = RECEIVE_BUFFER;
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (udp < 0)
		return fail("socket");
	if (setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
		return fail("SO_RCVBUFFORCE");
	if (bind(udp, (struct sockaddr *)&any, sizeof any) != 0)
		return fail("bind to port 7");
	return udp;
}

static int open_probe(void)
{
	struct sockaddr_in self = { .sin_family = AF_INET, .sin_port = htons(SERVICE_PORT) };
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (udp < 0 || connect(udp, (struct sockaddr *)&self, sizeof self) != 0)
		return fail("probe socket");
	return udp;
}

static int open_heartbeat(void)
{
	struct termios line;
	int tty = open(HEARTBEAT_DEVICE, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (tty < 0 || tcgetattr(tty, &line) != 0)
		return fail(HEARTBEAT_DEVICE);
	cfmakeraw(&line);
	line.c_cflag |= CLOCAL;
	line.c_cflag &= (tcflag_t)~CRTSCTS;
	cfsetspeed(&line, B115200);
	return tcsetattr(tty, TCSANOW, &line) == 0 ? tty : fail(HEARTBEAT_DEVICE);
}

static bool read_boot_id(uint8_t *boot_id)
{
	char text[64] = { 0 };
	int file = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return false;
	ssize_t size = read(file, text, sizeof text - 1);
	close(file);
	return size > 0 && boot_id_parse(text, boot_id);
}

static void answer_one(const struct files *files, struct service *service, uint8_t *datagram,
		       size_t size, struct sockaddr_in *from)
{
	uint8_t reply[ANSWER_SIZE];
	struct request request;
	struct answer answer;

	if (!request_decode(datagram, size, &request))
		return;
	service_answer(service, &request, &answer);
	answer_encode(&answer, reply);
	(void)sendto(files->service, reply, sizeof reply, 0, (struct sockaddr *)from, sizeof *from);
}

static void answer_all(const struct files *files, struct service *service)
{
	static uint8_t datagrams[BATCH][DATAGRAM_SIZE];
	static struct sockaddr_in from[BATCH];
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	int count;

	do {
		memset(messages, 0, sizeof messages);
		for (int i = 0; i < BATCH; i++) {
			parts[i] = (struct iovec){ datagrams[i], DATAGRAM_SIZE };
			messages[i].msg_hdr = (struct msghdr){
				.msg_name = &from[i], .msg_namelen = sizeof from[i],
				.msg_iov = &parts[i], .msg_iovlen = 1,
			};
		}
		count = recvmmsg(files->service, messages, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < count; i++)
			answer_one(files, service, datagrams[i], messages[i].msg_len, &from[i]);
	} while (count == BATCH && BATCH > 1);
}

/* However many ticks have passed, one probe: a service that was late must not catch up. */
static bool on_tick(const struct files *files, struct service *service)
{
	const struct request echo = { .kind = KIND_ECHO, .sequence = service->ticks };
	uint8_t datagram[REQUEST_SIZE];

	if (read(files->io, &service->ticks, sizeof service->ticks) != sizeof service->ticks)
		return errno == EAGAIN || errno == EINTR;
	request_encode(&echo, datagram);
	(void)send(files->probe, datagram, sizeof datagram, 0);
	return true;
}

static void on_probe_answer(const struct files *files)
{
	static const uint8_t pulse = HEARTBEAT_BYTE;
	uint8_t datagram[DATAGRAM_SIZE];
	struct answer answer;
	ssize_t size = recv(files->probe, datagram, sizeof datagram, 0);

	if (size > 0 && answer_decode(datagram, (size_t)size, &answer))
		(void)!write(files->heartbeat, &pulse, sizeof pulse);
}

static bool watch(int epoll, int file)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = file };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event) == 0;
}

static int loop(const struct files *files, struct service *service)
{
	struct epoll_event events[4];
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || !watch(epoll, files->service) || !watch(epoll, files->probe) ||
	    !watch(epoll, files->io))
		return fail("epoll");
	for (;;) {
		int count = epoll_wait(epoll, events, 4, -1);

		if (count < 0 && errno != EINTR)
			return fail("epoll_wait");
		for (int i = 0; i < count; i++) {
			int file = events[i].data.fd;

			if (file == files->service)
				answer_all(files, service);
			else if (file == files->probe)
				on_probe_answer(files);
			else if (!on_tick(files, service))
				return fail(IO_DEVICE);
		}
	}
}

static bool load_state(struct service *service)
{
	uint16_t layout;
	enum reading reading = store_load(STORE_FOLDER, &service->state, &layout);

	/* Unreadable state is never overwritten: the service answers, but stores nothing. */
	service->stores = reading == READING_OK || reading == READING_ABSENT;
	if (!service->stores)
		fprintf(stderr, "walnutd: the stored state %s; nothing will be stored\n",
			reading == READING_LAYOUT ? "has a layout that this release cannot read"
						  : "is damaged");
	return service->stores;
}

int serve_main(int argc, char **argv)
{
	static struct service service = { .save = save, .confirmed = confirmed };
	const struct sched_param priority = { .sched_priority = PRIORITY };
	struct files files;

	(void)argv;
	if (argc != 1) {
		fprintf(stderr, "usage: walnutd\n");
		return EXIT_USAGE;
	}
	load_state(&service);
	files.io = open(IO_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (files.io < 0)
		return fail(IO_DEVICE), EXIT_FAILED;
	if (!read_boot_id(service.boot_id))
		return fail(BOOT_ID_FILE), EXIT_FAILED;
	files.heartbeat = open_heartbeat();
	files.probe = open_probe();
	files.service = open_service();
	if (files.heartbeat < 0 || files.probe < 0 || files.service < 0)
		return EXIT_FAILED;
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0 ||
	    sched_setscheduler(0, SCHED_FIFO, &priority) != 0)
		fail("real-time priority"); /* slower, but a service */
	loop(&files, &service);
	return EXIT_FAILED;
}
