#include "lines.h"

#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *lines_next(struct lines *lines, const unsigned char **data, size_t *n)
{
    const unsigned char *end = memchr(*data, '\n', *n);
    size_t take = end ? (size_t)(end - *data) + 1 : *n;

    if (take == 0)
        return NULL;
    if (lines->held + take >= LINE_BYTES) {
        errno = EMSGSIZE;
        die("line");
    }
    if (!lines->line && !(lines->line = malloc(LINE_BYTES)))
        die("malloc");
    memcpy(lines->line + lines->held, *data, take);
    lines->held += take;
    *data += take;
    *n -= take;
    if (!end)
        return NULL;
    lines->held -= lines->held > 1 && lines->line[lines->held - 2] == '\r' ? 2 : 1;
    lines->line[lines->held] = '\0';
    lines->held = 0;
    return lines->line;
}

void lines_reset(struct lines *lines)
{
    free(lines->line);
    lines->line = NULL;
    lines->held = 0;
}
