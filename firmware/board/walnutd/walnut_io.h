/* SPDX-License-Identifier: MIT */
/* What the service expects of the driver (firmware/board/walnut_io). */
#ifndef WALNUT_IO_H
#define WALNUT_IO_H

#define IO_DEVICE "/dev/walnut_io"
#define HEARTBEAT_DEVICE "/dev/ttyS1"
#define HEARTBEAT_BYTE 0xff

#endif
