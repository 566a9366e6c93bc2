/* The bytes of every bulk transfer, so that each relayed byte can be checked by whoever receives it. */
#ifndef PATTERN_H
#define PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* Lines of 80 bytes with CRLF, none of which starts with a dot: the same bytes serve IMAP literals and SMTP DATA. */
#define PATTERN_LINE 80
/* A prime number of lines: a lost or doubled block of any usual size (a power of two) shifts the pattern and is seen. */
#define PATTERN_LINES 1021
#define PATTERN_PERIOD ((size_t)PATTERN_LINE * PATTERN_LINES)

/* Fills the pattern; call once before any of the others. */
void pattern_init(void);

/* Returns the pattern at `offset`; at least PATTERN_PERIOD bytes may be read there. */
const unsigned char *pattern_at(uint64_t offset);

/* Returns how many of the `n` bytes agree with the pattern from `offset` on; n when all do. */
size_t pattern_match(uint64_t offset, const unsigned char *data, size_t n);

/* Returns the length of a message of about `mib` MiB that ends with a whole line. */
uint64_t pattern_message_bytes(unsigned mib);

#endif
