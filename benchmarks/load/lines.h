/* Cuts a byte stream into CRLF lines; the streams of this bench never hold longer lines than LINE_BYTES. */
#ifndef LINES_H
#define LINES_H

#include <stddef.h>

#define LINE_BYTES 4096 /* an XOAUTH2 line with a token of Google's size is about 1.5 KiB */

struct lines {
    size_t held;      /* bytes of an unfinished line in `line` */
    char *line;       /* made when the first unfinished line comes */
};

/* Takes bytes from *data up to and with the next LF. Returns the line without its CRLF, NUL-terminated and valid until
 * the next call, or NULL when more bytes are needed (all of *data is then held). Exits on a line that is too long. */
char *lines_next(struct lines *lines, const unsigned char **data, size_t *n);

/* Forgets an unfinished line and gives its memory back. */
void lines_reset(struct lines *lines);

#endif
