/* Small helpers on protocol text: base64 and case-blind prefixes. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Returns whether `text` starts with `prefix`, whatever the case. */
bool starts(const char *text, const char *prefix);

/* Encodes n bytes into `out` (room for 4 * (n + 2) / 3 + 1). */
void base64_encode(const void *data, size_t n, char *out);

/* Decodes base64 or base64url, padded or not, and terminates it. Returns its length, or -1 when it is none or longer than room. */
long base64_decode(const char *text, char *out, size_t room);

#endif
