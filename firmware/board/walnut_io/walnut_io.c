// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /dev/walnut_io: the tick that paces the board's service, and a note that it may leave.
 *
 * read()  blocks until a tick has come since this file's last read, then gives the number of
 *         ticks since the module was loaded: 8 bytes, native order.
 * poll()  readable when read() would not block.
 * write() 8 bytes, native order: the note; shown with the ticks in the parameters below.
 *
 * /sys/module/walnut_io/parameters/{ticks,note} show both as decimal numbers.
 */
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#define TICK_NS (1000 * 1000) /* 1 kHz: one pulse of the heartbeat line a millisecond */

static DEFINE_SPINLOCK(lock); /* 64 bits are two accesses on this machine */
static DECLARE_WAIT_QUEUE_HEAD(waiting);
static struct hrtimer timer;
static u64 ticks;
static u64 note;

static u64 locked_get(const u64 *value)
{
	unsigned long flags;
	u64 now;

	spin_lock_irqsave(&lock, flags);
	now = *value;
	spin_unlock_irqrestore(&lock, flags);
	return now;
}

static enum hrtimer_restart on_tick(struct hrtimer *expired)
{
	unsigned long flags;
	u64 passed = hrtimer_forward_now(expired, ns_to_ktime(TICK_NS));

	spin_lock_irqsave(&lock, flags);
	ticks += passed;
	spin_unlock_irqrestore(&lock, flags);
	wake_up_interruptible(&waiting);
	return HRTIMER_RESTART;
}

static int io_open(struct inode *inode, struct file *file)
{
	u64 *seen = kmalloc(sizeof(*seen), GFP_KERNEL);

	if (!seen)
		return -ENOMEM;
	*seen = locked_get(&ticks);
	file->private_data = seen;
	return stream_open(inode, file);
}

static int io_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t io_read(struct file *file, char __user *buffer, size_t size, loff_t *offset)
{
	u64 *seen = file->private_data;
	u64 now;

	if (size < sizeof(now))
		return -EINVAL;
	if (file->f_flags & O_NONBLOCK) {
		if (locked_get(&ticks) == *seen)
			return -EAGAIN;
	} else if (wait_event_interruptible(waiting, locked_get(&ticks) != *seen)) {
		return -ERESTARTSYS;
	}
	now = locked_get(&ticks);
	*seen = now;
	return copy_to_user(buffer, &now, sizeof(now)) ? -EFAULT : (ssize_t)sizeof(now);
}

static ssize_t io_write(struct file *file, const char __user *buffer, size_t size, loff_t *offset)
{
	unsigned long flags;
	u64 value;

	if (size != sizeof(value))
		return -EINVAL;
	if (copy_from_user(&value, buffer, sizeof(value)))
		return -EFAULT;
	spin_lock_irqsave(&lock, flags);
	note = value;
	spin_unlock_irqrestore(&lock, flags);
	return (ssize_t)size;
}

static __poll_t io_poll(struct file *file, poll_table *table)
{
	const u64 *seen = file->private_data;

	poll_wait(file, &waiting, table);
	return EPOLLOUT | EPOLLWRNORM |
	       (locked_get(&ticks) != *seen ? EPOLLIN | EPOLLRDNORM : 0);
}

static const struct file_operations io_operations = {
	.owner = THIS_MODULE,
	.open = io_open,
	.release = io_release,
	.read = io_read,
	.write = io_write,
	.poll = io_poll,
};

static struct miscdevice io_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "walnut_io",
	.fops = &io_operations,
	.mode = 0600,
};

static int show_number(char *buffer, const struct kernel_param *parameter)
{
	return sysfs_emit(buffer, "%llu\n", locked_get(parameter->arg));
}

static const struct kernel_param_ops number_operations = { .get = show_number };

module_param_cb(ticks, &number_operations, &ticks, 0444);
MODULE_PARM_DESC(ticks, "ticks since the module was loaded");
module_param_cb(note, &number_operations, &note, 0444);
MODULE_PARM_DESC(note, "what the service wrote last");

static int __init io_init(void)
{
	int error = misc_register(&io_device);

	if (error)
		return error;
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer.function = on_tick;
	hrtimer_start(&timer, ns_to_ktime(TICK_NS), HRTIMER_MODE_REL);
	return 0;
}

static void __exit io_exit(void)
{
	hrtimer_cancel(&timer);
	misc_deregister(&io_device);
}

module_init(io_init);
module_exit(io_exit);

MODULE_DESCRIPTION("Walnut: the service's tick");
MODULE_AUTHOR("Walnut rig");
MODULE_LICENSE("GPL");
