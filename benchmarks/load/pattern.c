#include "pattern.h"

#include <stdio.h>
#include <string.h>

/* Twice, so that a whole period is contiguous from any place in the first one. */
static unsigned char pattern[2 * PATTERN_PERIOD];

void pattern_init(void)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t state = 2463534242u; /* xorshift32: the bytes must not compress or repeat, nothing more */

    for (size_t line = 0; line < PATTERN_LINES; line++) {
        unsigned char *at = pattern + line * PATTERN_LINE;
        int head = sprintf((char *)at, "%06zu ", line);

        for (size_t i = (size_t)head; i < PATTERN_LINE - 2; i++) {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            at[i] = (unsigned char)letters[state % (sizeof letters - 1)];
        }
        memcpy(at + PATTERN_LINE - 2, "\r\n", 2);
    }
    memcpy(pattern + PATTERN_PERIOD, pattern, PATTERN_PERIOD);
}

const unsigned char *pattern_at(uint64_t offset)
{
    return pattern + offset % PATTERN_PERIOD;
}

size_t pattern_match(uint64_t offset, const unsigned char *data, size_t n)
{
    size_t done = 0;

    while (done < n) {
        const unsigned char *want = pattern_at(offset + done);
        size_t step = n - done < PATTERN_PERIOD ? n - done : PATTERN_PERIOD;

        if (memcmp(want, data + done, step) != 0) {
            while (want[0] == data[done]) {
                want++;
                done++;
            }
            return done;
        }
        done += step;
    }
    return n;
}

uint64_t pattern_message_bytes(unsigned mib)
{
    uint64_t bytes = (uint64_t)mib << 20;

    return bytes - bytes % PATTERN_LINE;
}
