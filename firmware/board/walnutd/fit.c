/* SPDX-License-Identifier: MIT */
/* The flattened tree of a FIT image, each length checked before it is used. */
#include "fit.h"

#include <string.h>

#include "protocol.h"

#define MAGIC 0xd00dfeedu
#define VERSION 17
#define BEGIN_NODE 1u
#define END_NODE 2u
#define PROPERTY 3u
#define NOP 4u
#define END 9u

struct tree {
	const uint8_t *image;
	size_t at, end;              /* of the structure block */
	size_t strings, strings_end; /* of the names */
	size_t depth;
	size_t lengths[FIT_DEPTH_MAX]; /* of the path at each depth */
	char path[FIT_PATH_MAX];
};

/* Length of the text at `from`, or -1 if it does not end before `end`. */
static long text_length(const uint8_t *image, size_t from, size_t end)
{
	const uint8_t *nul = from < end ? memchr(image + from, 0, end - from) : NULL;

	return nul ? (long)(nul - (image + from)) : -1;
}

static bool next_word(struct tree *tree, uint32_t *word)
{
	if (tree->end - tree->at < 4)
		return false;
	*word = get_u32(tree->image + tree->at);
	tree->at += 4;
	return true;
}

/* Go past `size` bytes and the padding behind them. */
static bool skip(struct tree *tree, size_t size)
{
	size_t padded = size + (0 - size) % 4;

	if (padded < size || padded > tree->end - tree->at)
		return false;
	tree->at += padded;
	return true;
}

static bool enter(struct tree *tree)
{
	long length = text_length(tree->image, tree->at, tree->end);
	size_t used = strlen(tree->path);

	if (length < 0 || tree->depth == FIT_DEPTH_MAX ||
	    used + (size_t)length + 2 > sizeof tree->path)
		return false;
	tree->lengths[tree->depth++] = used;
	if (tree->depth > 1) {
		tree->path[used] = '/';
		memcpy(tree->path + used + 1, tree->image + tree->at, (size_t)length + 1);
	}
	return skip(tree, (size_t)length + 1);
}

static bool read_property(struct tree *tree, fit_property *property, void *context)
{
	uint32_t size, name;

	if (tree->depth == 0 || !next_word(tree, &size) || !next_word(tree, &name))
		return false;
	if (name >= tree->strings_end - tree->strings ||
	    text_length(tree->image, tree->strings + name, tree->strings_end) < 0)
		return false;
	size_t offset = tree->at;
	if (!skip(tree, size))
		return false;
	property(context, tree->path, (const char *)tree->image + tree->strings + name, offset,
		 size);
	return true;
}

static bool open_tree(struct tree *tree, const uint8_t *image, size_t size)
{
	memset(tree, 0, sizeof *tree);
	if (size < FIT_HEADER_SIZE || get_u32(image) != MAGIC || get_u32(image + 4) != size ||
	    get_u32(image + 20) != VERSION)
		return false;
	size_t at = get_u32(image + 8), length = get_u32(image + 36);
	size_t strings = get_u32(image + 12), strings_length = get_u32(image + 32);
	if (at > size || length > size - at || at % 4 || strings > size ||
	    strings_length > size - strings)
		return false;
	tree->image = image;
	tree->at = at;
	tree->end = at + length;
	tree->strings = strings;
	tree->strings_end = strings + strings_length;
	return true;
}

bool fit_walk(const uint8_t *image, size_t size, fit_property *property, void *context)
{
	struct tree tree;
	uint32_t token;

	if (!open_tree(&tree, image, size))
		return false;
	while (next_word(&tree, &token)) {
		bool good = token == NOP;

		if (token == BEGIN_NODE) {
			good = enter(&tree);
		} else if (token == PROPERTY) {
			good = read_property(&tree, property, context);
		} else if (token == END_NODE && tree.depth > 0) {
			tree.path[tree.lengths[--tree.depth]] = '\0';
			good = true;
		} else if (token == END) {
			return tree.depth == 0;
		}
		if (!good)
			return false;
	}
	return false;
}
